-- Change values, perhaps only if others are as expected.
-- ARGV: how many changes; for each its field, "=" and its value or "-" to unset it, and the time to live or "";
-- then for each that is expected its field, and "=" and its value or "-" for unset.
local why = claim_values()
if why then
  return why
end
local changes, first = {}, 5 + 3 * tonumber(ARGV[4])
for index = 5, first - 1, 3 do
  local value = ARGV[index + 1]
  value = string.byte(value) == 61 and string.sub(value, 2)
  changes[#changes + 1] = {ARGV[index], value, end_of(ARGV[index + 2])}
end
local fields = {}
for index = first, #ARGV, 2 do
  fields[#fields + 1] = ARGV[index]
end
local held = values_now(fields)
for index = 1, #fields do
  held[index] = held[index] or false
  local expected = ARGV[first + 2 * index - 1]
  if (held[index] and '=' .. held[index] or '-') ~= expected then
    use()
    for rest = index + 1, #fields do
      held[rest] = held[rest] or false
    end
    return ok(held)
  end
end
return change(changes) or ok(false)
