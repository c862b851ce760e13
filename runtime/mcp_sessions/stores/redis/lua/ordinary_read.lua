if ARGV[4] == 'some' and #ARGV < 1000 then
  local found = redis.call('HMGET', KEYS[5], 'm', unpack(ARGV, 5))
  if ordinary(found[1]) then
    table.remove(found, 1)
    return {'ok', 1, found}
  end
end
