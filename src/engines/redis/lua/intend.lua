-- Announces writes before the sink is called.
-- KEYS[1] prefix. ARGV: time, packed intents: account (2 + n), epoch (6), id (6), token (7), 1 = put and 0 = remove, read at (6), fingerprint, title (2 + n).
-- Returns a letter per intent: w(ritten) or x (stale).
-- Invariant: whoever lost the lease writes nothing; the sink's ref of a document is kept, or a second one would come to be.
--!include store job-packing jobs held-job finish ledger
M.ending()
local intents, accounts, addresses, answers, from = {}, {}, {}, {}, 1
while from <= #ARGV[2] do
  local account, epoch, id, token, put, readAt, f, t
  account, epoch, id, token, put, readAt, f, t, from = struct.unpack('>Hc0I6I6I7BI6Hc0Hc0', ARGV[2], from)
  intents[#intents + 1] = { account = account, epoch = epoch, id = id, token = token, put = put, readAt = readAt, f = f, t = t }
  accounts[#accounts + 1], addresses[#addresses + 1] = account, 's' .. account
end
M.loadEntries(accounts)
M.loadJobs(addresses)
for index, intent in ipairs(intents) do
  local was = M.entryAt(intent.account)
  local mayWrite = M.mayWrite(was, intent)
  answers[index] = mayWrite and 'w' or 'x'
  if mayWrite then
    was = was or { r = '', m = 0, c = 0, h = '' }
    M.writeEntry(intent.account, {
      s = intent.put == 1 and M.INTENDED or M.REMOVING, ra = intent.readAt, wa = M.now, k = intent.token,
      f = intent.f, t = intent.t, r = was.r, m = was.m, c = was.c, h = was.h,
    })
  end
end
M.flushEntries()
M.saveTotals()
return table.concat(answers)
