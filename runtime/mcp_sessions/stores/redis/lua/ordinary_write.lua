-- One value, whatever is expected of others; or none of others.
if ARGV[4] == '1' and ARGV[7] == '' and string.byte(ARGV[6]) == 61 and #ARGV < 1000 then
  local field, value, fields = ARGV[5], string.sub(ARGV[6], 2), {}
  for index = 8, #ARGV, 2 do
    fields[#fields + 1] = ARGV[index]
  end
  local held = redis.call('HMGET', KEYS[5], 'm', unpack(fields))
  local record, is_expected = ordinary(held[1]), true
  for index = 1, #fields do
    local now_held = held[index + 1]
    is_expected = is_expected and (now_held and '=' .. now_held or '-') == ARGV[7 + 2 * index]
  end
  if record and not is_expected then
    table.remove(held, 1)
    return {'ok', 1, held}
  end
  if record then
    local length = fields[1] == field and held[2] and #held[2] or redis.call('HSTRLEN', KEYS[5], field)
    if length == 0 and redis.call('HEXISTS', KEYS[5], field) == 0 then
      length = nil
    end
    if put(record, field, value, length) then
      return {'ok', 1, false}
    end
  end
end
