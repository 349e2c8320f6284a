-- Live jobs by address (lane letter and key), read once and written once a script.
-- A run is what one attempt answers: rank, due, first (oldest reason), event (oldest event, or false) and its chain of reasons
-- (head, tail, count, events). `next` is the run after a leased one. `lease` is { token, claim, expires }.
-- Invariant, kept by flushJobs alone: `later:` holds exactly the waiting jobs that are not due,
-- each `ready:` list every due one at least once (an outdated entry is skipped), `ages:` the oldest event of each job.
local jobs, touched = {}, {}

local function loadJobs(addresses)
  local wanted = {}
  for _, address in ipairs(addresses) do
    if jobs[address] == nil then
      jobs[address] = false
      wanted[#wanted + 1] = address
    end
  end
  for first = 1, #wanted, ARGUMENTS_MAX do
    local last = min(#wanted, first + ARGUMENTS_MAX - 1)
    local found = redis.call('HMGET', key('jobs'), unpack(wanted, first, last))
    for index = 1, last - first + 1 do
      if found[index] then jobs[wanted[first + index - 1]] = unpackJob(found[index]) end
    end
  end
end

-- The live job of an address, or nil.
local function jobAt(address)
  if jobs[address] == nil then loadJobs({ address }) end
  local job = jobs[address]
  return job and not job.isGone and job or nil
end

local function touch(address)
  if not touched[address] then
    touched[address] = true
    touched[#touched + 1] = address
  end
end

local function putJob(address, job)
  local was = jobs[address]
  if was then
    job.wasState, job.wasRank, job.wasAge, job.wasClaim = was.wasState, was.wasRank, was.wasAge, was.wasClaim
  end
  jobs[address] = job
  touch(address)
end

local function removeJob(address)
  jobs[address].isGone = true
  touch(address)
end
