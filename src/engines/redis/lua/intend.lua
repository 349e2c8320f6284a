-- Announces writes before the sink is called.
-- KEYS[1] prefix. ARGV: time, intents (JSON: a(ccount), epoch, id, k (token), put, f, t, ra; see lib/ledger.lua).
-- Returns a letter per intent: w(ritten) or x (stale).
-- Invariant: whoever lost the lease writes nothing; the sink's ref of a document is kept, or a second one would come to be.
--!include store records fates log job-packing jobs claims ages flush-jobs finish joining chains rests hold failures letters bury leases ledger
local intents, accounts, addresses, answers = cjson.decode(ARGV[2]), {}, {}, {}
for index, intent in ipairs(intents) do accounts[index], addresses[index] = intent.a, 's' .. intent.a end
loadEntries(accounts)
loadJobs(addresses)
for index, intent in ipairs(intents) do
  local was = entryAt(intent.a)
  if mayWrite(intent) and not isOlderRead(was, intent) then
    was = was or { c = 0 }
    writeEntry(intent.a, {
      s = intent.put and INTENDED or REMOVING, f = intent.f, t = intent.t, ra = intent.ra, wa = now, k = intent.k,
      r = was.r, m = was.m, c = was.c, h = was.h,
    })
    answers[index] = 'w'
  else
    answers[index] = 'x'
  end
end
finish()
return table.concat(answers)
