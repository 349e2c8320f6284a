-- Leases that nobody holds any more: of a claim whose answer was lost, and those that have expired.
-- A claim whose answer never came: nobody works on its jobs.
M.NONCES, M.LAPSED_MAX = 1048576, 20

function M.giveBackLost(owner, nonces)
  if nonces == '[]' then return end
  local lost = {}
  for _, its in ipairs(cjson.decode(nonces)) do lost[its] = true end
  for _, name in ipairs(redis.call('ZRANGE', M.key('claims'), 0, -1)) do
    local record = lost[tonumber(name) % M.NONCES] and M.claimRecord(name)
    if record and record[3] == owner then
      M.eachLeased(name, record, function(address, job)
        job.attempt = job.attempt - 1
        M.putBack(address, job, math.min(job.run.due, M.at))
      end)
    end
  end
end

-- Leases that have expired; those of the same claim that were prolonged get another time.
function M.reclaimLapsed()
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', M.key('claims'), '-inf', M.at, 'LIMIT', 0, M.LAPSED_MAX)) do
    local record, next = M.claimRecord(name), false
    M.eachLeased(name, record, function(address, job)
      if job.lease.expires > M.at then next = M.earliest(next, job.lease.expires) else M.reclaim(address, job) end
    end)
    if next then redis.call('ZADD', M.key('claims'), next, name) else M.removeClaim(name) end
  end
end
