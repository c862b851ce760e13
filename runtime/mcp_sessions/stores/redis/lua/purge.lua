-- Remove what is due. ARGV: how much at most, "values" if the remains are to have them.
local gone = {}
local done = removing().purge(now, tonumber(ARGV[2]), gone, ARGV[3] == 'values')
return {'ok', false, {done, gone}}
