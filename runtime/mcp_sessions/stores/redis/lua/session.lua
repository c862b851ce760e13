-- What every script shares: the life of a session, and how it is kept. Put before each of the others, and after what
-- may have dealt with the ordinary case.
--
-- Of one partition, all keys have the same hash tag, and so the same slot:
--   base .. name   HASH: a session's record (m), values (v + key), until when they are values (t + key), and of a
--                  parent, the names of its children (c + name); of a tombstone, the record alone
--   due            ZSET: name -> when it is to be removed, or as a tombstone forgotten
--   names          ZSET, all scores 0: name .. owner of every session that is marked live
--   counts         HASH: "all", and each owner -> sessions that are marked live, except children
--   timers         ZSET: name -> when the first value of the session may be over that has a time to live
-- A name of a handle that was minted is H, the length of the schema as a character above the space, the schema, and the
-- handle's 20 random bytes; of another id it is space, length of schema, length of id, schema, id, as in
-- t4:6:cartmcps-1. So none is the start of another. An owner is "" for none, or begins with "+" or "!".

local now, version, reads, value_most, session_most, owner_most, all_most, owner_elsewhere, all_elsewhere, since, idle,
  max = struct.unpack('>dddddddddddd', ARGV[1])
local base = string.sub(KEYS[1], 1, -4) -- without "due"
local due, names, counts, timers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

if now < 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local VERSION, DIGEST, CREATED, EXPIRES, IDLE, SIZE = 1, 2, 3, 4, 5, 6
local OWNER, MAX, STATE, TIMED, BORN, SINCE = 7, 8, 9, 10, 11, 12 -- these lack at the end of a record that has the usual
local LIVE, EXPIRED, ENDED = 0, 1, 2
local USUAL = {[OWNER] = '', [MAX] = -1, [STATE] = LIVE, [TIMED] = 0, [BORN] = 0, [SINCE] = 0}
local CHUNK, SWEEP = 2000, 8

local function exact(number)
  return string.format('%.17g', number)
end

local function load(name)
  local packed = redis.call('HGET', base .. name, 'm')
  local record = packed and cmsgpack.unpack(packed) or nil
  for index = OWNER, record and SINCE or 0 do
    record[index] = record[index] or USUAL[index]
  end
  return record
end

local function save(name, record)
  local last = SINCE
  while record[last] == USUAL[last] do
    last = last - 1
  end
  redis.call('HSET', base .. name, 'm', cmsgpack.pack({unpack(record, 1, last)}))
end

-- Save a record whose expiry has changed.
local function keep(name, record)
  save(name, record)
  local forgotten = record[EXPIRES] + TOMBSTONE
  local is_live = record[STATE] == LIVE
  local left = math.max(forgotten + (is_live and GRACE or 0) - now, 1)
  redis.call('PEXPIRE', base .. name, string.format('%.0f', math.min(left * 1000, 4e15)))
  redis.call('ZADD', due, exact(is_live and record[EXPIRES] or forgotten), name)
end

local function is_parent(name)
  return string.sub(name, 1, 3) == 't0:'
end

local function is_child(name)
  return string.sub(name, 1, 1) == 't' and not is_parent(name)
end

local function is_live(record)
  return record[STATE] == LIVE and now < record[EXPIRES]
end

-- A live session's record, whoever owns it; of a child, if its parent is live too.
local function look_up(name, above)
  local record = load(name)
  if not record or not is_live(record) then
    return nil
  end
  if above ~= '' then
    local parent = load(above)
    if not parent or not is_live(parent) or record[BORN] ~= parent[CREATED] then
      return nil
    end
  end
  return record
end

local function info(record)
  return {
    exact(record[CREATED]), exact(record[EXPIRES]), record[VERSION], record[DIGEST], record[SIZE], record[SINCE],
    exact(record[IDLE]), exact(record[MAX])
  }
end

-- In pieces, since there is a limit to the arguments of a call.
local function in_pieces(command, key, arguments)
  local answers = {}
  for first = 1, #arguments, CHUNK do
    local answer = redis.call(command, key, unpack(arguments, first, math.min(first + CHUNK - 1, #arguments)))
    if type(answer) == 'table' then
      for index = 1, #answer do
        answers[first + index - 1] = answer[index]
      end
    end
  end
  return answers
end

local function timer_of(field)
  return 't' .. string.sub(field, 2)
end

-- The values of fields at a moment; false for one that is not set.
local function values_of(name, record, fields, at)
  local found = in_pieces('HMGET', base .. name, fields)
  if record[TIMED] > 0 then
    local untils = {}
    for index = 1, #fields do
      untils[index] = timer_of(fields[index])
    end
    untils = in_pieces('HMGET', base .. name, untils)
    for index = 1, #fields do
      if untils[index] and tonumber(untils[index]) <= at then
        found[index] = false
      end
    end
  end
  return found
end

-- Keys and values that are set at a moment, one after the other.
local function all_values(name, record, at)
  local content = redis.call('HGETALL', base .. name)
  local untils = {}
  if record[TIMED] > 0 then
    for index = 1, #content, 2 do
      if string.byte(content[index]) == 116 then
        untils[string.sub(content[index], 2)] = tonumber(content[index + 1])
      end
    end
  end
  local found = {}
  for index = 1, #content, 2 do
    if string.byte(content[index]) == 118 then
      local key = string.sub(content[index], 2)
      if not untils[key] or at < untils[key] then
        found[#found + 1] = key
        found[#found + 1] = content[index + 1]
      end
    end
  end
  return found
end

-- How many bytes a field and its value take in a session's size.
local function stored(name, field)
  local length = redis.call('HSTRLEN', base .. name, field)
  if length == 0 and redis.call('HEXISTS', base .. name, field) == 0 then
    return 0
  end
  return #field - 1 + length
end
