-- Begin a session. ARGV: for each value its field, the value, and the time to live or "".
local why = find()
if why then
  return {why}
end
if session and now < session[EXPIRES] + TOMBSTONE then
  return {'exists'}
end
session = nil
local changes = {}
for index = 4, #ARGV, 3 do
  changes[#changes + 1] = {ARGV[index], ARGV[index + 1], end_of(ARGV[index + 2])}
end
return change(changes) or ok(info(session))
