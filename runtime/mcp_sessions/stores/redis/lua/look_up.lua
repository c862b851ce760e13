-- Look a session up, whoever owns it. ARGV: its name, and its parent's or "".
local record, above = load(ARGV[3]), ARGV[4]
if not record or not is_live(record) then
  return {'ok', false, false}
end
if above ~= '' then
  local parent = load(above)
  if not parent or not is_live(parent) or record[BORN] ~= parent[CREATED] then
    return {'ok', false, false}
  end
end
return {'ok', false, {ARGV[3], record[OWNER], info(record)}}
