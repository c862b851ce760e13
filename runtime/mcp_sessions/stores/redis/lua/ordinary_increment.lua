-- Whole numbers that stay exact.
if ARGV[7] == '' and #ARGV[5] > 0 and #ARGV[5] < 16 and string.find(ARGV[5], '^%-?%d+$') then
  local held = redis.call('HMGET', KEYS[5], 'm', ARGV[4])
  local record, text = ordinary(held[1]), held[2] or ARGV[6]
  if record and #text < 16 and (string.find(text, '^%-?[1-9]%d*$') or text == '0') then
    local total = string.format('%.0f', tonumber(text) + tonumber(ARGV[5]))
    if put(record, ARGV[4], total, held[2] and #held[2]) then
      return {'ok', 1, total}
    end
  end
end
