-- Leases: who may settle, and what becomes of those that were lost.
M.LOSSES_MAX, M.LOSSES_DELAYED, M.LOSS_DELAY, M.LOSS_DELAY_MAX = 10, 3, 1000, 30000

-- Back to waiting without success. What joined meanwhile is answered by the same next run.
function M.putBack(address, job, due)
  M.mergedRun(job.run, job.next, due)
  job.state, job.lease, job.next = M.READY, nil, nil
  M.touch(address)
end

function M.lossDelay(losses)
  if losses < M.LOSSES_DELAYED then return 0 end
  return math.min(M.LOSS_DELAY_MAX, M.LOSS_DELAY * 2 ^ (losses - M.LOSSES_DELAYED))
end

-- A lost worker spends no attempt: it counts as a loss, and too many of those make a dead letter.
function M.reclaim(address, job)
  local lane = M.LANE_NAMES[address:sub(1, 1)]
  M.count('leases_lost:' .. lane)
  job.losses = job.losses + 1
  if job.losses >= M.LOSSES_MAX then
    local message = job.losses .. ' workers in a row ended before they settled this job'
    return M.bury(address, job, { lane = lane, code = 'WORKER_LOST', message = message })
  end
  job.attempt = job.attempt - 1
  M.putBack(address, job, math.min(job.run.due, M.at) + M.lossDelay(job.losses))
end
