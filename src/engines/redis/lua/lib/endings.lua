-- How a lease ends: the verbs of a settlement.
-- Its events move on to the job at `to`, in their order.
local function pass(address, job, to)
  local run, records = job.run, {}
  local target = hold(to.address, { rank = to.rank, delay = to.delay, first = run.first, event = run.event })
  eachReason(run, run.count, function(seq) records[#records + 1] = seq end)
  for index = #records, 1, -1 do
    local seq = records[index]
    local record = recordAt(seq)
    setRecord(seq, movedRecord(record, target.tail, to.address))
    if target.count == 0 then target.head = seq end
    target.tail, target.count = seq, target.count + 1
    if isEvent(record) then target.events = target.events + 1 end
  end
  add(UNSETTLED[address:sub(1, 1)], -run.count)
  add(UNSETTLED[to.address:sub(1, 1)], run.count)
  endRun(address, job)
end

local function retry(address, job, due, failure)
  job.failures, job.losses = addFailure(job, failure), 0
  count('jobs_retried:' .. failure.lane)
  -- Something new arrived, so the old backoff says nothing about it.
  putBack(address, job, job.next and at or due)
end

local function release(address, job, due)
  job.attempt = job.attempt - 1
  count('jobs_released:' .. LANE_NAMES[address:sub(1, 1)])
  putBack(address, job, min(due, job.next and job.next.due or due))
end
