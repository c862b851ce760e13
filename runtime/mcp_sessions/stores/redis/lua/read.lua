-- Read values. ARGV: "all", "names", or "some" and the fields.
local why = claim_values()
if why then
  return why
end
use()
if ARGV[4] == 'some' then
  local fields = {}
  for index = 5, #ARGV do
    fields[#fields + 1] = ARGV[index]
  end
  return ok(values_now(fields))
end
if not session then
  return ok({})
end
if ARGV[4] == 'all' then
  return ok(all_values(name, session, now))
end
local fields, found = {}, {}
for _, field in ipairs(redis.call('HKEYS', base .. name)) do
  if string.byte(field) == 118 then
    fields[#fields + 1] = field
  end
end
local untils = {}
if session[TIMED] > 0 then
  for index, field in ipairs(fields) do
    untils[index] = timer_of(field)
  end
  untils = in_pieces('HMGET', base .. name, untils)
end
for index, field in ipairs(fields) do
  if not untils[index] or now < tonumber(untils[index]) then
    found[#found + 1] = string.sub(field, 2)
  end
end
return ok(found)
