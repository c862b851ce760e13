-- Remove what is due. ARGV: how much at most, "values" if the remains are to have them.
local gone = {}
local done = removing().purge(now, tonumber(ARGV[3]), gone, ARGV[4] == 'values')
return {'ok', false, {done, gone}}
