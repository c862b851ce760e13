-- Add at the end of an array. ARGV: its field, the texts to add with commas between them, the array where there is
-- none, the time to live or "".
local why = claim_values()
if why then
  return why
end
local field, more = ARGV[4], ARGV[5]
local text = values_now({field})[1] or ARGV[6]

local function is_space(byte)
  return byte == 32 or byte == 9 or byte == 13 or byte == 10
end

-- Where what is between two positions begins and ends when the space around it is left out.
local function trimmed(first, last)
  while first <= last and is_space(string.byte(text, first)) do
    first = first + 1
  end
  while last >= first and is_space(string.byte(text, last)) do
    last = last - 1
  end
  return first, last
end

local first, last = trimmed(1, #text)
if last <= first or string.byte(text, first) ~= 91 or string.byte(text, last) ~= 93 then
  return {'array', string.sub(text, first, first)}
end
if more == '' then
  return change({}) or ok(false)
end
first, last = trimmed(first + 1, last - 1)
local comma = first <= last and ',' or ''
local longer = '[' .. string.sub(text, first, last) .. comma .. more .. ']'
return change({{field, longer, end_of(ARGV[7])}}) or ok(false)
