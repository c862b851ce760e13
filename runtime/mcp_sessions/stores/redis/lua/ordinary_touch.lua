if ARGV[4] == '' then
  local record = ordinary(redis.call('HGET', KEYS[5], 'm'))
  if record then
    local created, expires = string.format('%.17g', record[CREATED]), string.format('%.17g', record[EXPIRES])
    return {'ok', 1, {created, expires, record[VERSION], record[DIGEST], record[SIZE], record[SINCE] or 0}}
  end
end
