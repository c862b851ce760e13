-- Add to a number. ARGV: its field, what to add, the number where there is none, the time to live or "".
-- Numbers that this language would round or write otherwise than Python are left to the caller, as they are.
local why = claim_values()
if why then
  return why
end
local field, by = ARGV[4], ARGV[5]
local held = values_now({field})[1] or false
local text = held or ARGV[6]
local EXACT = 9007199254740992

local function is_whole(number)
  return string.find(number, '^%-?[1-9]%d*$') or number == '0'
end

local function is_plain(number)
  return is_whole(number) or string.find(number, '^%-?[1-9]%d*%.%d+$') or string.find(number, '^%-?0%.%d+$')
end

local total
if #text <= 24 and #by <= 24 and is_plain(text) and is_plain(by) then
  local one, other = tonumber(text), tonumber(by)
  local sum = one + other
  local are_exact = math.abs(one) < EXACT and math.abs(other) < EXACT
  if is_whole(text) and is_whole(by) then
    if are_exact and math.abs(sum) < EXACT then
      total = string.format('%.0f', sum)
    end
  elseif are_exact and math.abs(sum) >= 0.001 and math.abs(sum) < 1e15 then
    for digits = 15, 17 do
      local written = string.format('%.' .. digits .. 'g', sum)
      if tonumber(written) == sum then
        total = string.find(written, '[%.e]') and written or written .. '.0'
        break
      end
    end
    if total and string.find(total, 'e') then
      total = nil
    end
  end
end
if not total then
  return {'ok', false, false, held}
end
return change({{field, total, end_of(ARGV[7])}}) or ok(total)
