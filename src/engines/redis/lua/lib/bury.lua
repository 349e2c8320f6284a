-- How a job becomes a dead letter.
M.DEAD_REASONS_MAX = 10000

-- Lets a chain go of all but its newest reasons; the older ones stay dead in the history.
function M.trimReasons(run)
  if run.count <= M.DEAD_REASONS_MAX then return end
  local kept, events = 0, 0
  M.eachReason(run, run.count, function(seq, record)
    kept = kept + 1
    if kept > M.DEAD_REASONS_MAX then return M.setFate(seq, M.isEvent(record) and M.LET_GO or M.GONE) end
    if M.isEvent(record) then events = events + 1 end
    run.head = seq
  end)
  run.count, run.events = M.DEAD_REASONS_MAX, events
end

-- Makes a leased job a dead letter; an older one of its address goes into it. What joined meanwhile gets a fresh job.
function M.bury(address, job, failure)
  local lane, run, next = address:sub(1, 1), job.run, job.next
  M.eachReason(run, run.count, function(seq) M.setFate(seq, M.DEAD) end)
  M.add(M.UNSETTLED[lane], -run.count)
  M.add('events', -run.events)
  M.count('jobs_dead:' .. failure.lane)
  M.count('events_dead', run.events)
  local failures, older = M.addFailure(job, failure), M.letterAt(address)
  if older then
    failures = M.mergeFailures(older.failures, failures)
    run.first = math.min(run.first, older.run.first)
    M.joinChains(run, older.run, run)
    M.removeLetter(address, older)
    M.trimReasons(run)
  end
  M.putLetter(address, { id = job.id, attempt = job.attempt, failedAt = M.at, failures = failures, run = run })
  M.removeJob(address)
  if next then
    M.add('job', 1)
    next.due = math.max(M.at, next.due)
    M.putJob(address, { id = M.totals.job, state = M.READY, attempt = 0, losses = 0, run = next })
  end
end
