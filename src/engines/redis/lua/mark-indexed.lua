-- Marks accounts in state stored as indexed.
-- KEYS[1] prefix. ARGV: time, accounts (JSON).
-- Returns how many were marked.
-- Invariant: an account in any other state keeps it.
--!include store finish ledger
M.ending()
local marked, accounts = 0, cjson.decode(ARGV[2])
M.loadEntries(accounts)
for _, account in ipairs(accounts) do
  local entry = M.entryAt(account)
  if entry and entry.s == M.STORED then
    entry.s, M.written[account] = M.INDEXED, true
    marked = marked + 1
  end
end
M.flushEntries()
M.saveTotals()
return marked
