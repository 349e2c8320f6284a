-- What was leased together: `claims` orders claims by when their leases lapse, `claim-jobs` tells lane, leased at, owner and addresses,
-- `claim-left` how many of its leases have not ended. One entry a claim instead of one a lease halves what a lease costs.
-- A lease that was prolonged outlives its claim's time; whoever comes to reclaim looks at each and sets a new time.
M.endedBy = {}

function M.claimName(claim) return string.format('%.0f', claim) end

function M.leaseEnded(claim) M.endedBy[claim] = (M.endedBy[claim] or 0) + 1 end

function M.removeClaim(name)
  redis.call('HDEL', M.key('claim-left'), name)
  redis.call('HDEL', M.key('claim-jobs'), name)
  redis.call('ZREM', M.key('claims'), name)
end

function M.flushClaims()
  for claim, ended in pairs(M.endedBy) do
    local name = M.claimName(claim)
    if redis.call('HINCRBY', M.key('claim-left'), name, -ended) <= 0 then M.removeClaim(name) end
  end
  M.endedBy = {}
end

function M.putClaim(claim, expires, record)
  local name = M.claimName(claim)
  redis.call('ZADD', M.key('claims'), expires, name)
  redis.call('HSET', M.key('claim-jobs'), name, cmsgpack.pack(record))
  redis.call('HSET', M.key('claim-left'), name, #record - 3)
end

-- The record of a claim: { lane, leased at, owner, address, … }.
function M.claimRecord(name)
  local packed = redis.call('HGET', M.key('claim-jobs'), name)
  return packed and cmsgpack.unpack(packed)
end

-- Applies `act` to the jobs that a claim still leases.
function M.eachLeased(name, record, act)
  local addresses, claim = { unpack(record, 4) }, tonumber(name)
  M.loadJobs(addresses)
  for _, address in ipairs(addresses) do
    local job = M.jobAt(address)
    if job and job.state == M.LEASED and job.lease.claim == claim then act(address, job) end
  end
end
