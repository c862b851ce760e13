-- Unset all values.
local why = claim_values()
if why then
  return why
end
if session then
  local fields = {}
  for _, field in ipairs(redis.call('HKEYS', base .. name)) do
    local kind = string.byte(field)
    if kind == 118 or kind == 116 then
      fields[#fields + 1] = field
    end
  end
  in_pieces('HDEL', base .. name, fields)
  redis.call('ZREM', timers, name)
  session[SIZE], session[TIMED] = 0, 0
  slide(session)
  keep(name, session)
end
slide_parent()
return ok(false)
