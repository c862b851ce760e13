-- Unset a value and return it. ARGV: its field.
local why = claim_values()
if why then
  return why
end
local held = values_now({ARGV[4]})[1]
if not held then
  use()
  return ok(false)
end
return change({{ARGV[4], false}}) or ok(held)
