-- End a session. ARGV: "values" if the remains are to have them; "expired" for one that has expired instead of a live one.
local gone, is_there = {}, nil
if ARGV[5] == 'expired' then
  is_there = not find() and refusal(session) == 'expired'
else
  is_there = not claim() and session
end
if is_there then
  slide_parent()
  local with = removing()
  with.empty(name, session, ARGV[5] == 'expired' and EXPIRED or ENDED, gone, ARGV[4] == 'values')
  with.bury(name, session, ENDED, now)
end
return ok(gone)
