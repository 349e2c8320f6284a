-- A run that ended well: its events are settled, the newest as synced, older ones as superseded.
local endedRests = {}

-- After a success: nothing is left of the job, or what joined meanwhile waits with a clean slate.
local function endRun(address, job)
  heal(address)
  count(COMPLETED[address:sub(1, 1)])
  local next = job.next
  if not next then return removeJob(address) end
  if next.rank ~= URGENT then next.due = max(next.due, restUntil(address)) end
  job.state, job.lease, job.next, job.run = READY, nil, nil, next
  job.attempt, job.losses, job.failures = 0, 0, nil
  touch(address)
end

local function settleReasons(run)
  if run.count == 1 then return setFate(run.tail, run.events == 1 and SYNCED or GONE) end
  local newest = 0
  if run.events > 0 then
    eachReason(run, run.count, function(seq, record) if isEvent(record) then newest = max(newest, seq) end end)
  end
  eachReason(run, run.count, function(seq, record)
    setFate(seq, not isEvent(record) and GONE or seq == newest and SYNCED or SUPERSEDED)
  end)
end

local function complete(address, job)
  local run = job.run
  settleReasons(run)
  add(UNSETTLED[address:sub(1, 1)], -run.count)
  add('events', -run.events)
  count('events_settled', run.events)
  count('events_superseded', max(0, run.events - 1))
  beginRest(address, endedRests)
  endRun(address, job)
end
