-- Makes entries for accounts that have none, from what the sink was found to have.
-- KEYS[1] prefix. ARGV: time, entries (JSON: a(ccount), f, r, t, isIndexed; see lib/ledger.lua).
-- Returns how many were new.
-- Invariant: an entry that is there is never changed; what is recorded next is accepted (read at 0, token 0).
--!include store records fates log job-packing jobs claims ages flush-jobs finish joining chains rests hold failures letters bury leases ledger
local wanted, accounts, adopted = cjson.decode(ARGV[2]), {}, 0
for index, each in ipairs(wanted) do accounts[index] = each.a end
loadEntries(accounts)
for _, each in ipairs(wanted) do
  if not entryAt(each.a) then
    writeEntry(each.a, {
      s = each.isIndexed and INDEXED or STORED, f = each.f, r = each.r, t = each.t, ra = 0, wa = now, k = '0', c = 0,
    })
    adopted = adopted + 1
  end
end
finish()
return adopted
