-- Give all that is kept of a session, whoever owns it. ARGV: its name, and its parent's or "".
local record = look_up(ARGV[2], ARGV[3])
if not record then
  return {'ok', false, false}
end
local values, untils = all_values(ARGV[2], record, now), {}
if record[TIMED] > 0 then
  for index = 1, #values, 2 do
    untils[#untils + 1] = redis.call('HGET', base .. ARGV[2], 't' .. values[index])
  end
end
local times = {exact(record[CREATED]), exact(record[EXPIRES]), exact(record[IDLE]), exact(record[MAX]), exact(now)}
return {'ok', false, {record[OWNER], record[VERSION], record[DIGEST], times, values, untils, record[SINCE]}}
