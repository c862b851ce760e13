if ARGV[4] == '' then
  local record = ordinary(redis.call('HGET', KEYS[5], 'm'))
  if record then
    local created, expires = string.format('%.17g', record[4]), string.format('%.17g', record[5])
    return {'ok', 1, {created, expires, record[1], record[2], record[SIZE], record[12] or 0}}
  end
end
