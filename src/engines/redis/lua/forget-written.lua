-- Forgets what was written last, of a page of accounts: the sink has been made anew.
-- KEYS[1] prefix. ARGV: time, after (account; '' = from the start), most.
-- Returns how many were forgotten, and the last account looked at ('' = there are no more).
-- Invariant: states and children stay.
--!include store finish ledger
local from = ARGV[2] == '' and '-' or '(' .. ARGV[2]
local accounts, forgotten = redis.call('ZRANGEBYLEX', M.key('accounts'), from, '+', 'LIMIT', 0, ARGV[3]), 0
M.loadEntries(accounts)
for _, account in ipairs(accounts) do
  local entry = M.entryAt(account)
  if entry.f ~= '' or entry.r ~= '' then
    entry.f, entry.r, M.written[account] = '', '', true
    forgotten = forgotten + 1
  end
end
M.flushEntries()
M.saveTotals()
return { forgotten, accounts[#accounts] or '' }
