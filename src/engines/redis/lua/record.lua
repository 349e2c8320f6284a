-- Reports writes that the sink has confirmed, with the children as read.
-- KEYS[1] prefix. ARGV: time, packed outcomes: as intents (intend.lua), then ref of the sink (2 + n), modified at (6; 0 = unknown),
-- 1 = searchable at once, hash of the children (2 + n), the children's records, one a line (4 + n).
-- Returns per outcome the accounts that had one of these children until now, one a line; or x = stale.
-- Invariant: whoever lost the lease writes nothing; a record has one parent.
--!include store records fates log job-packing jobs held-job finish joining chains letters ledger children
M.ending()
local outcomes, accounts, addresses, moved, from = {}, {}, {}, {}, 1
while from <= #ARGV[2] do
  local o = {}
  o.account, o.epoch, o.id, o.token, o.put, o.readAt, o.f, o.t, from = struct.unpack('>Hc0I6I6I7BI6Hc0Hc0', ARGV[2], from)
  o.r, o.m, o.isIndexed, o.h, o.children, from = struct.unpack('>Hc0I6BHc0I4c0', ARGV[2], from)
  outcomes[#outcomes + 1], accounts[#accounts + 1], addresses[#addresses + 1] = o, o.account, 's' .. o.account
end
M.loadEntries(accounts)
M.loadJobs(addresses)
for _, outcome in ipairs(outcomes) do
  local was = M.entryAt(outcome.account)
  if not was or was.h ~= outcome.h or M.totals.rd > 0 then
    outcome.records = M.recordsIn(outcome.children)
    for _, record in ipairs(outcome.records) do moved[#moved + 1] = record end
  end
end
M.loadOwners(moved)

-- A record that was read under its account needs no routing any more: its dead letter in that lane closes.
local function healRouted(outcome)
  if M.totals.rd == 0 then return end
  local connection = outcome.account:match('^[^/]*')
  for _, record in ipairs(outcome.records) do M.heal('r' .. connection .. '/' .. record) end
end

-- Read when they are needed: an outcome before this one in the same call may have made that so.
local function recordsOf(outcome)
  if not outcome.records then
    outcome.records = M.recordsIn(outcome.children)
    M.loadOwners(outcome.records)
  end
  return outcome.records
end

local function put(outcome, was)
  healRouted(outcome)
  local isUnchanged = was and was.f == outcome.f
  local isIndexed = outcome.isIndexed == 1 or (isUnchanged and was.s == M.INDEXED)
  local isSameSet = was and was.h == outcome.h
  M.writeEntry(outcome.account, {
    s = isIndexed and M.INDEXED or M.STORED, ra = outcome.readAt, wa = M.now, k = outcome.token, f = outcome.f, t = outcome.t,
    r = outcome.r ~= '' and outcome.r or was and was.r or '', m = outcome.m > 0 and outcome.m or isUnchanged and was.m or 0,
    c = isSameSet and was.c or #recordsOf(outcome), h = outcome.h,
  })
  if isSameSet then return {} end
  local displaced = M.replaceChildren(outcome.account, recordsOf(outcome), was and was.c > 0)
  for _, account in ipairs(displaced) do
    local loser = M.entryAt(account)
    if loser then loser.h, M.written[account] = '', true end
  end
  return displaced
end

local answers = {}
for index, outcome in ipairs(outcomes) do
  local was = M.entryAt(outcome.account)
  if not M.mayWrite(was, outcome) then
    answers[index] = 'x'
  elseif outcome.put == 1 then
    answers[index] = table.concat(put(outcome, was), '\n')
  else
    M.writeEntry(outcome.account, {
      s = M.REMOVED, ra = outcome.readAt, wa = M.now, k = outcome.token, f = '', t = outcome.t, r = '', m = 0, c = 0, h = '',
    })
    M.replaceChildren(outcome.account, {}, was and was.c > 0)
    answers[index] = ''
  end
end
M.flushEntries()
M.flushChildren()
M.flushLog()
M.flushCounts()
M.saveTotals()
return answers
