-- Writes the touched jobs and all that is derived from them, each kind in one command.
-- Where a waiting job stands: in the list when it is due just now, so that the list is in the order of due times; else with those
-- that are due at another time, be it past.
function M.place(address, job, changes)
  local run, lane = job.run, address:sub(1, 1)
  local list = lane .. run.rank
  changes.lanes[lane] = true
  if run.due == M.at and not M.isOutdated(list, address) then
    job.state = M.READY
    changes.listed[list] = changes.listed[list] or {}
    table.insert(changes.listed[list], address)
  else
    job.state = M.LATER
    redis.call('ZADD', M.key('later:' .. list), run.due, address)
  end
end

function M.flushOne(address, job, changes)
  local was, lane = job.wasState, address:sub(1, 1)
  local newAge = not job.isGone and M.ageOf(job)
  if job.wasAge ~= newAge then
    M.age(lane, job.wasAge, -1)
    M.age(lane, newAge, 1)
  end
  if was == M.LEASED then
    M.add(M.LEASES[lane], -1)
    if job.isGone or job.state ~= M.LEASED then M.leaseEnded(job.wasClaim) end
  elseif was then
    M.add(M.WAITING[lane], -1)
  end
  if job.isGone then
    if was == M.LATER then redis.call('ZREM', M.key('later:' .. lane .. job.wasRank), address) end
    if was then table.insert(changes.gone, address) end
    return
  end
  if was == M.LATER then redis.call('ZREM', M.key('later:' .. lane .. job.wasRank), address) end
  if job.state == M.LEASED then
    M.add(M.LEASES[lane], 1)
  else
    local isListed = was == M.READY and job.wasRank == job.run.rank and job.run.due <= M.at
    if was == M.READY and not isListed then M.leaveEntry(lane .. job.wasRank, address) end
    if not isListed then M.place(address, job, changes) end
    M.add(M.WAITING[lane], 1)
  end
  table.insert(changes.sets, address)
  table.insert(changes.sets, M.packJob(job))
end

function M.flushJobs()
  local changes = { sets = M.plainSets, gone = M.plainGone, listed = {}, lanes = {} }
  M.plainSets, M.plainGone = {}, {}
  for _, address in ipairs(M.touched) do
    if M.jobs[address] then M.flushOne(address, M.jobs[address], changes) end
  end
  for _, trim in ipairs(M.trims) do redis.call('LTRIM', trim[1], trim[2], -1) end
  M.trims = {}
  M.callMany('HDEL', 'jobs', changes.gone)
  M.callMany('HSET', 'jobs', changes.sets)
  for list, addresses in pairs(changes.listed) do M.callMany('RPUSH', 'ready:' .. list, addresses) end
  M.flushAges()
  M.flushClaims()
  local lanes = ''
  for _, lane in ipairs(M.LANES) do if changes.lanes[lane] then lanes = lanes .. lane end end
  if lanes ~= '' then redis.call('PUBLISH', M.key('wake'), lanes) end
end
