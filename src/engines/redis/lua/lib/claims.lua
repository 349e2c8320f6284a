-- What was leased together: `claims` orders claims by when their leases lapse, `claim-jobs` tells lane, leased at, owner and addresses,
-- `claim-left` how many of its leases have not ended. One entry a claim instead of one a lease halves what a lease costs.
-- A lease that was prolonged outlives its claim's time; whoever comes to reclaim looks at each and sets a new time.
local endedBy = {}

local function claimName(claim) return string.format('%.0f', claim) end

local function leaseEnded(claim) endedBy[claim] = (endedBy[claim] or 0) + 1 end

local function removeClaim(name)
  redis.call('HDEL', key('claim-left'), name)
  redis.call('HDEL', key('claim-jobs'), name)
  redis.call('ZREM', key('claims'), name)
end

local function flushClaims()
  for claim, ended in pairs(endedBy) do
    local name = claimName(claim)
    if redis.call('HINCRBY', key('claim-left'), name, -ended) <= 0 then removeClaim(name) end
  end
  endedBy = {}
end

local function putClaim(claim, expires, record)
  local name = claimName(claim)
  redis.call('ZADD', key('claims'), expires, name)
  redis.call('HSET', key('claim-jobs'), name, cmsgpack.pack(record))
  redis.call('HSET', key('claim-left'), name, #record - 3)
end

-- The record of a claim: { lane, leased at, owner, address, … }.
local function claimRecord(name)
  local packed = redis.call('HGET', key('claim-jobs'), name)
  return packed and cmsgpack.unpack(packed)
end

-- Applies `act` to the jobs that a claim still leases.
local function eachLeased(name, record, act)
  local addresses, claim = { unpack(record, 4) }, tonumber(name)
  loadJobs(addresses)
  for _, address in ipairs(addresses) do
    local job = jobAt(address)
    if job and job.state == LEASED and job.lease.claim == claim then act(address, job) end
  end
end
