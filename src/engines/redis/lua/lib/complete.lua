-- A run that ended well: its events are settled, the newest as synced, older ones as superseded.
M.endedRests = {}

-- After a success: nothing is left of the job, or what joined meanwhile waits with a clean slate.
function M.endRun(address, job)
  M.heal(address)
  M.count(M.COMPLETED[address:sub(1, 1)])
  local next = job.next
  if not next then return M.removeJob(address) end
  if next.rank ~= M.URGENT then next.due = math.max(next.due, M.restUntil(address)) end
  job.state, job.lease, job.next, job.run = M.READY, nil, nil, next
  job.attempt, job.losses, job.failures = 0, 0, nil
  M.touch(address)
end

function M.settleReasons(run)
  if run.count == 1 then return M.setFate(run.tail, run.events == 1 and M.SYNCED or M.GONE) end
  local newest = 0
  M.eachReason(run, run.count, function(seq, record)
    local isAnEvent = M.isEvent(record)
    if isAnEvent then newest = math.max(newest, seq) end
    M.setFate(seq, isAnEvent and M.SUPERSEDED or M.GONE)
  end)
  if newest > 0 then M.setFate(newest, M.SYNCED) end
end

function M.complete(address, job)
  local run = job.run
  M.settleReasons(run)
  M.add(M.UNSETTLED[address:sub(1, 1)], -run.count)
  M.add('events', -run.events)
  M.count('events_settled', run.events)
  M.count('events_superseded', math.max(0, run.events - 1))
  M.beginRest(address, M.endedRests)
  M.endRun(address, job)
end
