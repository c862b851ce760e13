-- Check and slide. ARGV: the lifetime from now on, idle and max, or "" for the one that it has.
local why = claim()
why = why and {why} or open()
if why then
  return why
end
if ARGV[4] ~= '' then
  local new_idle, new_max = tonumber(ARGV[4]), tonumber(ARGV[5])
  if session[IDLE] ~= new_idle or session[MAX] ~= (new_max < 0 and -1 or session[CREATED] + new_max) then
    relive(session, new_idle, new_max)
    has_moved = true
  end
end
if has_moved then
  keep(name, session)
end
return ok(info(session))
