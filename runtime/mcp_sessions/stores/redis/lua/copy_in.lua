-- Put in a session that was elsewhere. ARGV: when it began, when it expires, its idle lifetime, when it expires at the
-- latest or -1; for each value its field, the value, and until when it is one or "".
local why = find()
if why then
  return {why}
end
if session and now < session[EXPIRES] + TOMBSTONE then
  return {'exists'}
end
local expires = tonumber(ARGV[5])
if now >= expires then
  return {now < expires + TOMBSTONE and 'expired' or 'unknown'}
end
session = nil
local changes = {}
for index = 8, #ARGV, 3 do
  changes[#changes + 1] = {ARGV[index], ARGV[index + 1], tonumber(ARGV[index + 2])}
end
local size = size_after(changes)
begin()
put(changes)
session[CREATED], session[EXPIRES], session[IDLE], session[MAX], session[SIZE] =
  tonumber(ARGV[4]), expires, tonumber(ARGV[6]), tonumber(ARGV[7]), size
keep(name, session)
return ok(false)
