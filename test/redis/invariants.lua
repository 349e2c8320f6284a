-- Counts everything anew and compares it with what the engine keeps; test/redis/invariants.ts runs it after each test.
-- KEYS[1] prefix. ARGV: time.
-- Returns what is wrong, one text each.
--!include store records fates log ids job-packing jobs claims ages flush-jobs finish joining chains rests hold failures letters bury leases ledger
local wrongs = {}
local function expect(what, is, should)
  if is ~= should then wrongs[#wrongs + 1] = what .. ': is ' .. tostring(is) .. ', should be ' .. tostring(should) end
end

local function checkChain(what, run, fate)
  local seen, events = 0, 0
  M.eachReason(run, run.count, function(seq, record)
    seen = seen + 1
    if M.isEvent(record) then events = events + 1 end
    expect(what .. ' fate of ' .. seq, (M.fateOf(seq)), fate)
    if seen == run.count then expect(what .. ' head', seq, run.head) end
  end)
  expect(what .. ' count', seen, run.count)
  expect(what .. ' events', events, run.events)
end

local sums, ages, leftBy, later = { events = 0 }, {}, {}, 0
for _, lane in ipairs(M.LANES) do
  ages[lane] = {}
  for _, figure in ipairs({ 'w', 'l', 'd', 'u' }) do sums[lane .. figure] = 0 end
end
local stored = redis.call('HGETALL', M.key('jobs'))
for index = 1, #stored, 2 do
  local address, job = stored[index], M.unpackJob(stored[index + 1])
  local lane, list = address:sub(1, 1), address:sub(1, 1) .. job.run.rank
  expect(address .. ' packed', M.packJob(job), stored[index + 1])
  for _, run in ipairs({ job.run, job.next or nil }) do
    checkChain(address, run, M.QUEUED)
    sums[lane .. 'u'], sums.events = sums[lane .. 'u'] + run.count, sums.events + run.events
  end
  local age = M.ageOf(job)
  if age then ages[lane][math.floor(age / 1000)] = (ages[lane][math.floor(age / 1000)] or 0) + 1 end
  local figure = job.state == M.LEASED and 'l' or 'w'
  sums[lane .. figure] = sums[lane .. figure] + 1
  if job.state == M.LEASED then
    local name = M.claimName(job.lease.claim)
    leftBy[name] = (leftBy[name] or 0) + 1
  elseif job.state == M.LATER then
    later = later + 1
    expect(address .. ' later', tonumber(redis.call('ZSCORE', M.key('later:' .. list), address) or -1), job.run.due)
  else
    expect(address .. ' listed', redis.call('LPOS', M.key('ready:' .. list), address) ~= false, true)
  end
end

local outdated = 0
for _, lane in ipairs(M.LANES) do
  for rank = 0, 2 do
    local list, due = lane .. rank, 0
    for _, address in ipairs(redis.call('LRANGE', M.key('ready:' .. list), 0, -1)) do
      local job = M.jobAt(address)
      if redis.call('SISMEMBER', M.key('outdated'), list .. address) == 1 then
        outdated = outdated + 1
      elseif not job or job.state ~= M.READY or job.run.rank ~= rank or job.run.due < due then
        expect(address .. ' in its place', 'out of it', list)
      else
        due = job.run.due
      end
    end
  end
end
expect('outdated entries', redis.call('SCARD', M.key('outdated')), outdated)

local letters = redis.call('HGETALL', M.key('letters'))
for index = 1, #letters, 2 do
  local address = letters[index]
  sums[M.LETTERS[address:sub(1, 1)]] = sums[M.LETTERS[address:sub(1, 1)]] + 1
  local letter = M.letterAt(address)
  checkChain('letter ' .. address, letter.run, M.DEAD)
  expect('letter id', redis.call('HGET', M.key('letter-ids'), letter.id), address)
end
expect('letter ids', redis.call('HLEN', M.key('letter-ids')), #letters / 2)
expect('letter times', redis.call('ZCARD', M.key('letter-times')), #letters / 2)
for name, sum in pairs(sums) do expect('total ' .. name, M.totals[name], sum) end

local allLater = 0
for _, lane in ipairs(M.LANES) do
  for rank = 0, 2 do allLater = allLater + redis.call('ZCARD', M.key('later:' .. lane .. rank)) end
  local seconds = redis.call('HGETALL', M.key('age-counts:' .. lane))
  expect('seconds of ages', redis.call('ZCARD', M.key('ages:' .. lane)), #seconds / 2)
  for index = 1, #seconds, 2 do
    expect('age of ' .. seconds[index], tonumber(seconds[index + 1]), ages[lane][tonumber(seconds[index])])
    ages[lane][tonumber(seconds[index])] = nil
  end
  expect('ages left out', next(ages[lane]), nil)
end
expect('jobs that wait for their time', allLater, later)

for _, name in ipairs(redis.call('ZRANGE', M.key('claims'), 0, -1)) do
  expect('left of claim ' .. name, tonumber(redis.call('HGET', M.key('claim-left'), name)), leftBy[name])
  leftBy[name] = nil
end
expect('claims left out', next(leftBy), nil)

local rows = 0
for page = 1, math.floor(M.totals.seq / M.PAGE) do
  for index, record in ipairs(redis.call('LRANGE', M.key(M.logPage(page)), 0, -1)) do
    local seq = page * M.PAGE + index - 1
    if record ~= '' then
      rows = rows + 1
      local mark = redis.call('GETRANGE', M.idPage(seq), seq % M.ID_PAGE * 2, seq % M.ID_PAGE * 2 + 1)
      expect('id of ' .. seq, mark ~= '' and mark ~= '\0\0', M.isEvent(record))
    end
  end
end
expect('rows', M.totals.rows, rows)

local accounts = redis.call('HGETALL', M.key('ledger'))
local states = { [0] = 0, 0, 0, 0, 0 }
for index = 1, #accounts, 2 do
  local entry = M.unpackEntry(accounts[index + 1])
  states[entry.s] = states[entry.s] + 1
  local place = tonumber(redis.call('ZSCORE', M.key('state:' .. entry.s), accounts[index]) or -1)
  expect('state of ' .. accounts[index], place, M.ORDERED[entry.s] and entry.wa or -1)
end
expect('accounts', redis.call('ZCARD', M.key('accounts')), #accounts / 2)
for state = 0, 4 do
  expect('accounts in state ' .. state, M.totals['a' .. state], states[state])
  expect('set of state ' .. state, redis.call('ZCARD', M.key('state:' .. state)), M.ORDERED[state] and states[state] or 0)
end
return wrongs
