-- Ledger entries by state.
-- KEYS[1] prefix. ARGV: time.
-- Returns how many there are in each state, in the order of the codes.
-- Invariant: changes nothing.
--!include store
return { M.totals.a0, M.totals.a1, M.totals.a2, M.totals.a3, M.totals.a4 }
