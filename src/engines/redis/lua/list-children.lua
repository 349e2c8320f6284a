-- The records last seen under an account.
-- KEYS[1] prefix. ARGV: time, account, most.
-- Returns the records.
-- Invariant: changes nothing.
--!include store children
local records, found = childrenOf(ARGV[2]), {}
local owners = ownersOf(records)
for _, record in ipairs(records) do
  if #found < tonumber(ARGV[3]) and owners[record] == ARGV[2] then found[#found + 1] = record end
end
return found
