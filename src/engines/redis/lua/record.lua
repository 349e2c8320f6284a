-- Reports writes that the sink has confirmed, with the children as read.
-- KEYS[1] prefix. ARGV: time, outcomes (JSON: as intents, with r, m, h, isIndexed and the children's records).
-- Returns JSON per outcome: {displaced: […]} (accounts that had one of these children until now), or false = stale.
-- Invariant: whoever lost the lease writes nothing; a record has one parent.
--!include store records fates log job-packing jobs claims ages flush-jobs finish joining chains rests hold failures letters bury leases ledger children
local outcomes, accounts, addresses = cjson.decode(ARGV[2]), {}, {}
for index, outcome in ipairs(outcomes) do accounts[index], addresses[index] = outcome.a, 's' .. outcome.a end
loadEntries(accounts)
loadJobs(addresses)

-- A record that was read under its account needs no routing any more: its dead letter in that lane closes.
local function healRouted(outcome)
  if totals.rd == 0 then return end
  local connection = outcome.a:match('^[^/]*')
  for _, record in ipairs(outcome.children) do heal('r' .. connection .. '/' .. record) end
end

local function put(outcome, was)
  healRouted(outcome)
  local isUnchanged = was and was.f == outcome.f
  local isIndexed = outcome.isIndexed or (isUnchanged and was.s == INDEXED)
  local entry = {
    s = isIndexed and INDEXED or STORED, f = outcome.f, t = outcome.t, ra = outcome.ra, wa = now, k = outcome.k,
    r = outcome.r or (was and was.r), m = outcome.m or (isUnchanged and was.m or nil), c = #outcome.children, h = outcome.h,
  }
  writeEntry(outcome.a, entry)
  if was and was.h == outcome.h then return {} end
  local displaced = replaceChildren(outcome.a, outcome.children)
  for _, account in ipairs(displaced) do
    local loser = entryAt(account)
    if loser and loser.h then
      loser.h = nil
      redis.call('HSET', key('ledger'), account, cjson.encode(loser))
    end
  end
  return displaced
end

local answers = {}
for index, outcome in ipairs(outcomes) do
  local was = entryAt(outcome.a)
  if not mayWrite(outcome) or isOlderRead(was, outcome) then
    answers[index] = 'false'
  elseif outcome.put then
    local displaced = put(outcome, was)
    answers[index] = #displaced == 0 and '[]' or cjson.encode(displaced)
  else
    writeEntry(outcome.a, { s = REMOVED, f = '', t = outcome.t, ra = outcome.ra, wa = now, k = outcome.k, c = 0 })
    replaceChildren(outcome.a, {})
    answers[index] = '[]'
  end
end
finish()
return '[' .. table.concat(answers, ',') .. ']'
