-- Give a session another version, which is the caller's, and change its values, if it is what it was.
-- ARGV: when it began, its version, how many values it has; for each its key, the value, and until when it is one or "";
-- then for each change its field, "=" and its value or "-" to unset it, and until when it is one or "".
if find() or refusal(session) then
  return ok(false)
end
local first = 7 + 3 * tonumber(ARGV[6])
if session[CREATED] ~= tonumber(ARGV[4]) or session[VERSION] ~= tonumber(ARGV[5]) then
  return ok(false)
end
local held, is_held = all_values(name, session, now), {}
if #held ~= 2 * tonumber(ARGV[6]) then
  return ok(false)
end
for index = 1, #held, 2 do
  is_held[held[index]] = held[index + 1]
end
for index = 7, first - 1, 3 do
  local till = session[TIMED] > 0 and redis.call('HGET', base .. name, 't' .. ARGV[index]) or ''
  if is_held[ARGV[index]] ~= ARGV[index + 1] or tonumber(till) ~= tonumber(ARGV[index + 2]) then
    return ok(false)
  end
end
local changes = {}
for index = first, #ARGV, 3 do
  local value = ARGV[index + 1]
  value = string.byte(value) == 61 and string.sub(value, 2)
  changes[#changes + 1] = {ARGV[index], value, tonumber(ARGV[index + 2])}
end
session[SIZE] = size_after(changes)
put(changes)
session[VERSION], session[DIGEST], session[SINCE] = version, digest, since
save(name, session)
return ok(1)
