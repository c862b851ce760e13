-- To an array without space inside of its brackets.
if ARGV[10] == '' and ARGV[8] ~= '' then
  local held = redis.call('HMGET', KEYS[5], 'm', ARGV[7])
  local record, text = ordinary(held[1]), held[2] or ARGV[9]
  local first, second, before, last = string.byte(text, 1), string.byte(text, 2), string.byte(text, -2, -1)
  if record and #text > 1 and first == 91 and second > 32 and before > 32 and last == 93 then
    local comma = #text > 2 and ',' or ''
    local longer = string.sub(text, 1, -2) .. comma .. ARGV[8] .. ']'
    if put(record, ARGV[7], longer, held[2] and #held[2]) then
      return {'ok', 1, false}
    end
  end
end
