-- Ledger entries by state.
-- KEYS[1] prefix. ARGV: time.
-- Returns how many there are in each state, in the order of the codes.
-- Invariant: changes nothing.
--!include store
return { totals.a0, totals.a1, totals.a2, totals.a3, totals.a4 }
