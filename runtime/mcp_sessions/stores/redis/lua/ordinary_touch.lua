if ARGV[4] == '' then
  local record = ordinary(redis.call('HGET', KEYS[5], 'm'))
  if record then
    local created, expires = string.format('%.17g', record[CREATED]), string.format('%.17g', record[EXPIRES])
    local idle, max = string.format('%.17g', record[IDLE]), string.format('%.17g', record[MAX] or -1)
    return {'ok', 1, {created, expires, record[VERSION], record[DIGEST], record[SIZE], record[SINCE] or 0, idle, max}}
  end
end
