-- Takes back what is known of accounts that somebody may have written after losing the right to.
-- KEYS[1] prefix. ARGV: time, accounts (JSON).
-- Returns how many there were.
-- Invariant: each is `intended`, in the name of a token that no lease has yet: older ones cannot end it (lib/ledger.lua, writeEntry).
--!include store finish ledger lost-leases
M.ending()
local accounts = cjson.decode(ARGV[2])
M.loadEntries(accounts)
for _, account in ipairs(accounts) do
  local was = M.entryAt(account) or { ra = 0, m = 0, c = 0, h = '', r = '', t = '' }
  M.writeEntry(account, {
    s = M.INTENDED, ra = was.ra, wa = M.now, k = (M.totals.token + 1) * M.NONCES, m = was.m, c = was.c, h = was.h, f = '', r = was.r, t = was.t,
  })
end
M.flushEntries()
M.saveTotals()
return #accounts
