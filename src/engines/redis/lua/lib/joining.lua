-- How reasons join a run, and when the run is then due. `joining` is { rank, delay, first, event }.
M.URGENT = 0

function M.dueFor(first, joining, rules)
  local earliest = joining.rank == M.URGENT and M.at or math.max(M.at, rules.restUntil)
  if joining.delay <= 0 then return earliest end
  return math.max(earliest, math.min(M.at + joining.delay, first + rules.maxWait))
end

-- A run that only `joining` has asked for; its chain is empty.
function M.newRun(joining, rules)
  return {
    rank = joining.rank, first = joining.first, event = joining.event, due = M.dueFor(joining.first, joining, rules),
    head = 0, tail = 0, count = 0, events = 0,
  }
end

function M.earliest(left, right)
  if left and right then return math.min(left, right) end
  return left or right
end

-- A run that was never tried and is not due yet is put off by the minimum wait, within the maximum wait; in every other
-- case joining can only bring the due time forward, also out of a backoff.
function M.joinRun(run, joining, rules)
  run.first = math.min(run.first, joining.first)
  local due = M.dueFor(run.first, joining, rules)
  local mayPutOff = rules.isFirstWait and joining.delay > 0 and run.due > M.at
  run.due = mayPutOff and due or math.min(run.due, due)
  run.rank = math.min(run.rank, joining.rank)
  run.event = M.earliest(run.event, joining.event)
end
