-- Makes entries for accounts that have none, from what the sink was found to have.
-- KEYS[1] prefix. ARGV: time, entries (JSON: account, f, r, t, isIndexed; see lib/ledger.lua).
-- Returns how many were new.
-- Invariant: an entry that is there is never changed; what is recorded next is accepted (read at 0, token 0).
--!include store finish ledger
M.growing()
local wanted, accounts, adopted = cjson.decode(ARGV[2]), {}, 0
for index, each in ipairs(wanted) do accounts[index] = each.account end
M.loadEntries(accounts)
for _, each in ipairs(wanted) do
  if not M.entryAt(each.account) then
    local state = each.isIndexed and M.INDEXED or M.STORED
    M.writeEntry(each.account, { s = state, ra = 0, wa = M.now, k = 0, f = each.f, r = each.r, t = each.t, m = 0, c = 0, h = '' })
    adopted = adopted + 1
  end
end
M.flushEntries()
M.saveTotals()
return adopted
