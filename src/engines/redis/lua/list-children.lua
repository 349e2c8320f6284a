-- The records last seen under an account.
-- KEYS[1] prefix. ARGV: time, account, most.
-- Returns the records.
-- Invariant: changes nothing.
--!include store children
local records, found = M.childrenOf(ARGV[2]), {}
M.loadOwners(records)
for _, record in ipairs(records) do
  if #found < tonumber(ARGV[3]) and M.owners[record] == ARGV[2] then found[#found + 1] = record end
end
return found
