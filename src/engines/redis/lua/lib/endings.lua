-- How a lease ends: the verbs of a settlement.
-- Its events move on to the job at `to`, in their order.
function M.pass(address, job, to)
  local run, records = job.run, {}
  local target = M.hold(to.address, { rank = to.rank, delay = to.delay, first = run.first, event = run.event })
  M.eachReason(run, run.count, function(seq) records[#records + 1] = seq end)
  for index = #records, 1, -1 do
    local seq = records[index]
    local record = M.recordAt(seq)
    M.setRecord(seq, M.movedRecord(record, target.tail, to.address))
    if target.count == 0 then target.head = seq end
    target.tail, target.count = seq, target.count + 1
    if M.isEvent(record) then target.events = target.events + 1 end
  end
  M.add(M.UNSETTLED[address:sub(1, 1)], -run.count)
  M.add(M.UNSETTLED[to.address:sub(1, 1)], run.count)
  M.endRun(address, job)
end

function M.retry(address, job, due, failure)
  job.failures, job.losses = M.addFailure(job, failure), 0
  M.count('jobs_retried:' .. failure.lane)
  -- Something new arrived, so the old backoff says nothing about it.
  M.putBack(address, job, job.next and M.at or due)
end

function M.release(address, job, due)
  job.attempt = job.attempt - 1
  M.count('jobs_released:' .. M.LANE_NAMES[address:sub(1, 1)])
  M.putBack(address, job, math.min(due, job.next and job.next.due or due))
end
