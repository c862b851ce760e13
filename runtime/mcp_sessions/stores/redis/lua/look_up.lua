-- Look a session up, whoever owns it. ARGV: its name, and its parent's or "".
local record = look_up(ARGV[2], ARGV[3])
return {'ok', false, record and {ARGV[2], record[OWNER], info(record)} or false}
