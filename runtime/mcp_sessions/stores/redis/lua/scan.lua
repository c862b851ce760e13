-- List live sessions. ARGV: where to begin; "=" and the schema, or "" for all; "=" and the owner, or "" for all; how
-- many sessions at most; how many names to look at.
local schema, of, limit = ARGV[3], ARGV[4], tonumber(ARGV[5])
local found, last, looked = {}, '', 0
local entries = redis.call('ZRANGEBYLEX', names, ARGV[2], '+', 'LIMIT', 0, ARGV[6])
for _, entry in ipairs(entries) do
  local name, of_schema
  if string.byte(entry) == 72 then
    local length = string.byte(entry, 2) - 32
    name, of_schema = string.sub(entry, 1, 22 + length), string.sub(entry, 3, 2 + length)
  else
    local schema_length, id_length, first = string.match(entry, '^%a(%d+):(%d+):()')
    local id_at = first + schema_length
    name, of_schema = string.sub(entry, 1, id_at + id_length - 1), string.sub(entry, first, id_at - 1)
  end
  looked, last = looked + 1, name
  if schema == '' or schema == '=' .. of_schema then
    if of == '' or of == '=' .. string.sub(entry, #name + 1) then
      local record = load(name)
      if record and is_live(record) then
        found[#found + 1] = {name, record[OWNER], info(record)}
        if #found == limit then
          break
        end
      end
    end
  end
end
local is_last = looked == #entries and #entries < tonumber(ARGV[6])
return {'ok', false, {found, is_last and '' or last}}
