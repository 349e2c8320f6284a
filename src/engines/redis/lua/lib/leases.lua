-- Leases: who may settle, and what becomes of those that were lost.
local LOSSES_MAX, LOSSES_DELAYED, LOSS_DELAY, LOSS_DELAY_MAX = 10, 3, 1000, 30000

-- The job of a lease that still holds. An expired one does not, even while nobody has reclaimed it.
local function heldJob(address, epoch, id, token)
  local job = jobAt(address)
  if not job or job.state ~= LEASED or epoch ~= totals.epoch or job.id ~= id or job.lease.token ~= token then return nil end
  return job.lease.expires > at and job or nil
end

-- Back to waiting without success. What joined meanwhile is answered by the same next run.
local function putBack(address, job, due)
  mergedRun(job.run, job.next, due)
  job.state, job.lease, job.next = READY, nil, nil
  touch(address)
end

local function lossDelay(losses)
  if losses < LOSSES_DELAYED then return 0 end
  return min(LOSS_DELAY_MAX, LOSS_DELAY * 2 ^ (losses - LOSSES_DELAYED))
end

-- A lost worker spends no attempt: it counts as a loss, and too many of those make a dead letter.
local function reclaim(address, job)
  local lane = LANE_NAMES[address:sub(1, 1)]
  count('leases_lost:' .. lane)
  job.losses = job.losses + 1
  if job.losses >= LOSSES_MAX then
    local message = job.losses .. ' workers in a row ended before they settled this job'
    return bury(address, job, { lane = lane, code = 'WORKER_LOST', message = message })
  end
  job.attempt = job.attempt - 1
  putBack(address, job, min(job.run.due, at) + lossDelay(job.losses))
end
