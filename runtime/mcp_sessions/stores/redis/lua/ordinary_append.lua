-- To an array without space inside of its brackets.
if ARGV[7] == '' and ARGV[5] ~= '' then
  local held = redis.call('HMGET', KEYS[5], 'm', ARGV[4])
  local record, text = ordinary(held[1]), held[2] or ARGV[6]
  local first, second, before, last = string.byte(text, 1), string.byte(text, 2), string.byte(text, -2, -1)
  if record and #text > 1 and first == 91 and second > 32 and before > 32 and last == 93 then
    local comma = #text > 2 and ',' or ''
    local longer = string.sub(text, 1, -2) .. comma .. ARGV[5] .. ']'
    if put(record, ARGV[4], longer, held[2] and #held[2]) then
      return {'ok', 1, false}
    end
  end
end
