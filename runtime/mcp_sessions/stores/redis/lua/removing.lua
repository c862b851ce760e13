-- What removes sessions, and counts those that are there. Most operations do neither, and making functions takes time:
-- so these are made when they are needed.

local function removing()
  local function count(name, owner)
    redis.call('ZADD', names, 0, name .. owner)
    if not is_child(name) then
      redis.call('HINCRBY', counts, 'all', 1)
      if owner ~= '' then
        redis.call('HINCRBY', counts, owner, 1)
      end
    end
  end

  -- Count a session no longer; one that the server itself has removed is known by its name alone.
  local function uncount(name)
    for _, entry in ipairs(redis.call('ZRANGEBYLEX', names, '[' .. name, '(' .. name .. ',')) do
      redis.call('ZREM', names, entry)
      if not is_child(name) then
        redis.call('HINCRBY', counts, 'all', -1)
        local owner = string.sub(entry, #name + 1)
        if owner ~= '' and redis.call('HINCRBY', counts, owner, -1) <= 0 then
          redis.call('HDEL', counts, owner)
        end
      end
    end
  end

  local function remove(name)
    redis.call('UNLINK', base .. name)
    redis.call('ZREM', due, name)
    redis.call('ZREM', timers, name)
    uncount(name)
  end

  -- Leave of a session no more than a tombstone.
  local function bury(name, record, state, at)
    remove(name)
    keep(name, {0, '', record[CREATED], at, 0, 0, record[OWNER], -1, state, 0, record[BORN], 0})
  end

  local function children(name, record)
    local found = {}
    if is_parent(name) then
      for _, field in ipairs(redis.call('HKEYS', base .. name)) do
        if string.byte(field) == 99 then
          local child = string.sub(field, 2)
          local known = load(child)
          if known and known[BORN] == record[CREATED] then
            found[#found + 1] = {child, known}
          end
        end
      end
    end
    return found
  end

  -- Note what remains of a session and of its children that were not over yet, and remove the children.
  local function empty(name, record, state, gone, with_values)
    local members = children(name, record)
    table.insert(members, 1, {name, record})
    for index, member in ipairs(members) do
      local known = member[2]
      if known[STATE] == LIVE then
        local reason = state == ENDED and is_live(known) and 'ended' or 'expired'
        local held = with_values and all_values(member[1], known, math.min(now, known[EXPIRES])) or {}
        gone[#gone + 1] = {member[1], known[OWNER], reason, held, known[VERSION], known[SINCE]}
      end
      if index > 1 then
        remove(member[1])
      end
    end
  end

  -- Remove up to so many values of a session whose time is over; return how many there were.
  local function prune(name, at, limit)
    local record = load(name)
    local fields, first, pruned = {}, nil, 0
    if record and record[TIMED] > 0 then
      for _, field in ipairs(redis.call('HKEYS', base .. name)) do
        if string.byte(field) == 116 then
          fields[#fields + 1] = field
        end
      end
    end
    local untils = in_pieces('HMGET', base .. name, fields)
    for index, field in ipairs(fields) do
      local till = tonumber(untils[index])
      if till <= at and pruned < limit then
        local value = 'v' .. string.sub(field, 2)
        record[SIZE] = record[SIZE] - stored(name, value)
        record[TIMED] = record[TIMED] - 1
        redis.call('HDEL', base .. name, value, field)
        pruned = pruned + 1
      elseif not first or till < first then
        first = till
      end
    end
    if pruned > 0 then
      save(name, record)
    end
    if first then
      redis.call('ZADD', timers, exact(first), name)
    else
      redis.call('ZREM', timers, name)
    end
    return math.max(pruned, 1)
  end

  -- Remove what was due at a moment, up to so many sessions and values; note what remains of the sessions.
  local function purge(at, limit, gone, with_values)
    local done = 0
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', exact(at), 'LIMIT', 0, limit)) do
      local record = load(name)
      if record and record[STATE] == LIVE then
        empty(name, record, EXPIRED, gone, with_values)
      end
      if record and record[STATE] == LIVE and now < record[EXPIRES] + TOMBSTONE then
        bury(name, record, EXPIRED, record[EXPIRES])
      else
        remove(name)
      end
      done = done + 1
    end
    if done < limit then
      for _, name in ipairs(redis.call('ZRANGEBYSCORE', timers, '-inf', exact(at), 'LIMIT', 0, limit - done)) do
        if done < limit then
          done = done + prune(name, at, limit - done)
        end
      end
    end
    return done
  end

  return {count = count, remove = remove, bury = bury, children = children, empty = empty, purge = purge}
end
