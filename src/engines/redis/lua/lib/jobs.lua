-- Live jobs by address (lane letter and key), read once and written once a script; unpacked when they are first looked at.
-- A run is what one attempt answers: rank, due, first (oldest reason), event (oldest event, or false) and its chain of reasons
-- (head, tail, count, events). `next` is the run after a leased one. `lease` is { token, claim, expires }.
-- Invariant, kept by flushJobs alone: `later:` holds exactly the waiting jobs in state LATER: those that are not due, and those that were
-- due before they were put there, or left an entry; each `ready:` list every other once, in the order of due times, and outdated
-- entries; `ages:` the oldest event of each job.
M.jobs, M.touched = {}, {}
-- What plain-jobs.lua has written already, for flushJobs to hand over.
M.plainSets, M.plainGone = {}, {}
-- Lists and how many of their first entries are done.
M.trims = {}

function M.loadJobs(addresses)
  local wanted = {}
  for _, address in ipairs(addresses) do
    if M.jobs[address] == nil then
      M.jobs[address] = false
      wanted[#wanted + 1] = address
    end
  end
  for first = 1, #wanted, M.ARGUMENTS_MAX do
    local last = math.min(#wanted, first + M.ARGUMENTS_MAX - 1)
    local found = redis.call('HMGET', M.key('jobs'), unpack(wanted, first, last))
    for index = 1, last - first + 1 do
      if found[index] then M.jobs[wanted[first + index - 1]] = found[index] end
    end
  end
end

-- The live job of an address, or nil.
function M.jobAt(address)
  if M.jobs[address] == nil then M.loadJobs({ address }) end
  local job = M.jobs[address]
  if not job then return nil end
  if not job.run then
    job = M.unpackJob(job)
    M.jobs[address] = job
  end
  return not job.isGone and job or nil
end

function M.touch(address)
  if not M.touched[address] then
    M.touched[address] = true
    M.touched[#M.touched + 1] = address
  end
end

function M.putJob(address, job)
  local was = M.jobs[address]
  if was then
    job.wasState, job.wasRank, job.wasAge, job.wasClaim = was.wasState, was.wasRank, was.wasAge, was.wasClaim
  end
  M.jobs[address] = job
  M.touch(address)
end

function M.removeJob(address)
  M.jobs[address].isGone = true
  M.touch(address)
end

-- A job that is made urgent leaves an entry behind in the list where it waited: `outdated` names those, by list and address, until they
-- are passed over. A job that waits again does not go back into that list, or it would take its old place, before others due for longer.
function M.leaveEntry(list, address)
  redis.call('SADD', M.key('outdated'), list .. address)
  M.areOutdated = true
end

function M.isOutdated(list, address)
  if M.areOutdated == nil then M.areOutdated = redis.call('EXISTS', M.key('outdated')) == 1 end
  return M.areOutdated and redis.call('SISMEMBER', M.key('outdated'), list .. address) == 1
end

function M.passOver(list, address) redis.call('SREM', M.key('outdated'), list .. address) end
