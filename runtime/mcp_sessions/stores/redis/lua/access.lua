-- What the operations share that work on one session for one caller: the claim, the slide, the beginning.

local name, above = string.sub(KEYS[5], #base + 1), KEYS[6] and string.sub(KEYS[6], #base + 1) or ''
local owner, digest = ARGV[2], ARGV[3]
local session, parent, is_new, has_moved

local function refusal(record)
  if not record or now >= record[EXPIRES] + TOMBSTONE or record[OWNER] ~= owner then
    return 'unknown'
  end
  if not is_live(record) then
    return record[STATE] == ENDED and 'ended' or 'expired'
  end
  return nil
end

-- Find the session, and its parent, which must be live; return why not if it is not.
local function find()
  if above ~= '' then
    parent = load(above)
    local why = refusal(parent)
    if why then
      return why
    end
  end
  session = load(name)
  if session and parent and session[BORN] ~= parent[CREATED] then
    session = nil -- the child of a parent that the server itself has removed
  end
  return nil
end

-- Find what the caller may use: a live session, or none where one may begin; return why there is neither.
local function claim()
  local why = find()
  if why then
    return why
  end
  why = refusal(session)
  local may_begin = idle >= 0 and (not session or now >= session[EXPIRES] + TOMBSTONE or why == 'ended')
  if why and may_begin then
    session = nil
    return nil
  end
  return why
end

-- Find likewise what the caller may use the values of, which are of a version that the caller can use as it is. Return
-- what is to be answered if there is nothing.
local function claim_values()
  local why = claim()
  if why then
    return {why}
  end
  local theirs = session and session[VERSION]
  if session and (theirs < version and reads > theirs or theirs > version and session[SINCE] > version) then
    return {'version', theirs}
  end
  return nil
end

local function capped(at, record)
  return record[MAX] >= 0 and math.min(at, record[MAX]) or at
end

local function slide(record)
  if record[EXPIRES] >= capped(now + record[IDLE], record) then
    return false
  end
  record[EXPIRES] = capped(now + record[IDLE] * (1 + STEP), record)
  return true
end

local function relive(record, new_idle, new_max)
  record[IDLE] = new_idle
  record[MAX] = new_max < 0 and -1 or record[CREATED] + new_max
  record[EXPIRES] = capped(now + new_idle * (1 + STEP), record)
end

local function slide_parent()
  if parent and slide(parent) then
    keep(above, parent)
  end
end

local function values_now(fields)
  return session and values_of(name, session, fields, now) or {}
end

-- Return the size after changes, each of them {field, value or false, its end or nil}; or why there is no room.
local function size_after(changes)
  if value_most >= 0 then
    for _, change in ipairs(changes) do
      if change[2] and #change[2] > value_most then
        return nil, {'value', string.sub(change[1], 2), #change[2], value_most}
      end
    end
  end
  local before = session and session[SIZE] or 0
  local after = before
  for _, change in ipairs(changes) do
    if session then
      after = after - stored(name, change[1])
    end
    if change[2] then
      after = after + #change[1] - 1 + #change[2]
    end
  end
  if session_most >= 0 and after > session_most and after > before then
    return nil, {'session', '', after, session_most}
  end
  return after
end

-- Return why one more session may not begin.
local function crowd()
  if above ~= '' then
    return nil
  end
  if owner_most >= 0 and owner ~= '' then
    if owner_elsewhere < 0 then
      return {'count'}
    end
    if (tonumber(redis.call('HGET', counts, owner)) or 0) + owner_elsewhere >= owner_most then
      return {'owner'}
    end
  end
  if all_most >= 0 then
    if all_elsewhere < 0 then
      return {'count'}
    end
    if (tonumber(redis.call('HGET', counts, 'all')) or 0) + all_elsewhere >= all_most then
      return {'all'}
    end
  end
  return nil
end

-- Begin the session; return why not if there is no room.
local function begin()
  redis.call('HINCRBY', counts, 'all', 0) -- a server that is full refuses this, but not what comes after a removal
  local with = removing()
  with.purge(now - GRACE, SWEEP, {}, false)
  parent = parent and load(above)
  local why = crowd()
  if why then
    return why
  end
  local former = load(name)
  if former then
    for _, child in ipairs(with.children(name, former)) do
      with.remove(child[1])
    end
  end
  with.remove(name)
  session = {version, digest, now, now, 0, 0, owner, -1, LIVE, 0, parent and parent[CREATED] or 0, since}
  relive(session, idle, max)
  with.count(name, owner)
  if parent then
    redis.call('HSET', base .. above, 'c' .. name, '')
  end
  is_new, has_moved = true, true
  return nil
end

-- Slide the session, or begin it, and slide its parent; return why not.
local function open()
  if session then
    has_moved = slide(session)
  else
    local why = begin()
    if why then
      return why
    end
  end
  slide_parent()
  return nil
end

-- Slide the session, if it is there, and its parent.
local function use()
  if session and slide(session) then
    keep(name, session)
  end
  slide_parent()
end

local function put(changes)
  local sets, unsets, first = {}, {}, nil
  for _, change in ipairs(changes) do
    local field, value, till = change[1], change[2], change[3]
    local timer = timer_of(field)
    if value then
      sets[#sets + 1] = field
      sets[#sets + 1] = value
    else
      unsets[#unsets + 1] = field
    end
    if value and till then
      session[TIMED] = session[TIMED] + redis.call('HSET', base .. name, timer, exact(till))
      first = math.min(first or till, till)
    elseif session[TIMED] > 0 then
      session[TIMED] = session[TIMED] - redis.call('HDEL', base .. name, timer)
    end
  end
  in_pieces('HSET', base .. name, sets)
  in_pieces('HDEL', base .. name, unsets)
  if first then
    local known = redis.call('ZSCORE', timers, name)
    if not known or first < tonumber(known) then
      redis.call('ZADD', timers, exact(first), name)
    end
  end
end

-- Slide the session, or begin it, and change its values; return why not.
local function change(changes)
  local size, why = size_after(changes)
  why = why or open()
  if why then
    return why
  end
  put(changes)
  session[SIZE] = size
  if has_moved then
    keep(name, session)
  elseif #changes > 0 then
    save(name, session)
  end
  return nil
end

local function ok(result)
  return {'ok', is_new and info(session) or session and 1 or false, result}
end

-- When a value is over, by its time to live.
local function end_of(argument)
  return argument ~= '' and now + tonumber(argument) or nil
end
