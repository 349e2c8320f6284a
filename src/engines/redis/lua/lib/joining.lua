-- How reasons join a run, and when the run is then due. `joining` is { rank, delay, first, event }.
local URGENT = 0

local function dueFor(first, joining, rules)
  local earliest = joining.rank == URGENT and at or max(at, rules.restUntil)
  if joining.delay <= 0 then return earliest end
  return max(earliest, min(at + joining.delay, first + rules.maxWait))
end

-- A run that only `joining` has asked for; its chain is empty.
local function newRun(joining, rules)
  return {
    rank = joining.rank, first = joining.first, event = joining.event, due = dueFor(joining.first, joining, rules),
    head = 0, tail = 0, count = 0, events = 0,
  }
end

local function earliest(left, right)
  if left and right then return min(left, right) end
  return left or right
end

-- A run that was never tried and is not due yet is put off by the minimum wait, within the maximum wait; in every other
-- case joining can only bring the due time forward, also out of a backoff.
local function joinRun(run, joining, rules)
  run.first = min(run.first, joining.first)
  local due = dueFor(run.first, joining, rules)
  local mayPutOff = rules.isFirstWait and joining.delay > 0 and run.due > at
  run.due = mayPutOff and due or min(run.due, due)
  run.rank = min(run.rank, joining.rank)
  run.event = earliest(run.event, joining.event)
end
