-- End a session. ARGV: "values" if the remains are to have them.
local gone = {}
if not claim() and session then
  slide_parent()
  local with = removing()
  with.empty(name, session, ENDED, gone, ARGV[7] == 'values')
  with.bury(name, session, ENDED, now)
end
return ok(gone)
