-- Proves that a delivery could be stored now.
-- KEYS[1] prefix. ARGV: time.
-- Returns 1; fails where a write would fail.
-- Invariant: changes nothing but the time last seen.
--!include store finish
M.saveTotals()
return 1
