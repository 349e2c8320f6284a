-- Leases that nobody holds any more: of a claim whose answer was lost, and those that have expired.
-- A claim whose answer never came: nobody works on its jobs.
local NONCES, LAPSED_MAX = 1048576, 20

local function giveBackLost(owner, nonces)
  if nonces == '[]' then return end
  local lost = {}
  for _, its in ipairs(cjson.decode(nonces)) do lost[its] = true end
  for _, name in ipairs(redis.call('ZRANGE', key('claims'), 0, -1)) do
    local record = lost[tonumber(name) % NONCES] and claimRecord(name)
    if record and record[3] == owner then
      eachLeased(name, record, function(address, job)
        job.attempt = job.attempt - 1
        putBack(address, job, min(job.run.due, at))
      end)
    end
  end
end

-- Leases that have expired; those of the same claim that were prolonged get another time.
local function reclaimLapsed()
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', key('claims'), '-inf', at, 'LIMIT', 0, LAPSED_MAX)) do
    local record, next = claimRecord(name), false
    eachLeased(name, record, function(address, job)
      if job.lease.expires > at then next = earliest(next, job.lease.expires) else reclaim(address, job) end
    end)
    if next then redis.call('ZADD', key('claims'), next, name) else removeClaim(name) end
  end
end
