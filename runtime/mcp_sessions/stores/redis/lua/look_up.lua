-- Look a session up, whoever owns it. ARGV: its name, and its parent's or "".
local record = look_up(ARGV[3], ARGV[4])
return {'ok', false, record and {ARGV[3], record[OWNER], info(record)} or false}
