-- How a job becomes a dead letter.
local DEAD_REASONS_MAX = 10000

-- Lets a chain go of all but its newest reasons; the older ones stay dead in the history.
local function trimReasons(run)
  if run.count <= DEAD_REASONS_MAX then return end
  local kept, events = 0, 0
  eachReason(run, run.count, function(seq, record)
    kept = kept + 1
    if kept > DEAD_REASONS_MAX then return setFate(seq, isEvent(record) and LET_GO or GONE) end
    if isEvent(record) then events = events + 1 end
    run.head = seq
  end)
  run.count, run.events = DEAD_REASONS_MAX, events
end

-- Makes a leased job a dead letter; an older one of its address goes into it. What joined meanwhile gets a fresh job.
local function bury(address, job, failure)
  local lane, run, next = address:sub(1, 1), job.run, job.next
  eachReason(run, run.count, function(seq) setFate(seq, DEAD) end)
  add(UNSETTLED[lane], -run.count)
  add('events', -run.events)
  count('jobs_dead:' .. failure.lane)
  count('events_dead', run.events)
  local failures, older = addFailure(job, failure), letterAt(address)
  if older then
    failures = mergeFailures(older.failures, failures)
    run.first = min(run.first, older.run.first)
    joinChains(run, older.run, run)
    removeLetter(address, older)
    trimReasons(run)
  end
  putLetter(address, { id = job.id, attempt = job.attempt, failedAt = at, failures = failures, run = run })
  removeJob(address)
  if next then
    add('job', 1)
    next.due = max(at, next.due)
    putJob(address, { id = totals.job, state = READY, attempt = 0, losses = 0, run = next })
  end
end
