-- The ordinary case of an operation on values, before everything else: the session is live, the caller's and of the
-- caller's version, nothing has to slide, and no value has a time to live. What is not ordinary is left, untouched, to
-- the general case, which decides the same where both can: it only takes five times as long, most of it for defining
-- what it does not need.

local now, version, reads, value_most, session_most = struct.unpack('>ddddd', ARGV[1])
local VERSION, DIGEST, CREATED, EXPIRES, IDLE, SIZE = 1, 2, 3, 4, 5, 6
local OWNER, MAX, STATE, TIMED, BORN, SINCE = 7, 8, 9, 10, 11, 12 -- these lack at the end of a record that has the usual

local function settled(record)
  local expires, max = record[EXPIRES], record[MAX] or -1
  return (record[OWNER] or '') == ARGV[2] and (record[STATE] or 0) == 0 and now < expires
    and (expires >= now + record[IDLE] or max >= 0 and expires >= max)
end

-- Return the record that is packed here, if the session is an ordinary one.
local function ordinary(packed)
  if not packed then
    return nil
  end
  if now < 0 then
    local time = redis.call('TIME')
    now = tonumber(time[1]) + tonumber(time[2]) / 1000000
  end
  local record = cmsgpack.unpack(packed)
  if record[VERSION] ~= version or (record[TIMED] or 0) > 0 or not settled(record) then
    return nil
  end
  if KEYS[6] then
    local above = redis.call('HGET', KEYS[6], 'm')
    local parent = above and cmsgpack.unpack(above)
    if not parent or not settled(parent) or record[BORN] ~= parent[CREATED] then
      return nil
    end
  end
  return record
end

-- Write a value that takes the place of one that has so many bytes, or of none; return whether it fits.
local function put(record, field, value, held)
  local size = record[SIZE] + #value - (held or 1 - #field)
  if value_most >= 0 and #value > value_most or session_most >= 0 and size > session_most then
    return false
  end
  if size == record[SIZE] then
    redis.call('HSET', KEYS[5], field, value)
  else
    record[SIZE] = size
    redis.call('HSET', KEYS[5], field, value, 'm', cmsgpack.pack(record))
  end
  return true
end
