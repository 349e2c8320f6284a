-- Writes the touched jobs and all that is derived from them, each kind in one command.
-- Where a waiting job stands: due now (behind those that are, before them if it was due before) or later.
local function place(address, job, changes)
  local run = job.run
  local list = address:sub(1, 1) .. run.rank
  if run.due > at then
    job.state = LATER
    redis.call('ZADD', key('later:' .. list), run.due, address)
    changes.lanes[address:sub(1, 1)] = true
  else
    job.state = READY
    local pushes = run.due < at and changes.front or changes.back -- LPUSH turns an order around.
    pushes[list] = pushes[list] or {}
    table.insert(pushes[list], pushes == changes.front and 1 or #pushes[list] + 1, address)
  end
end

local function flushOne(address, job, changes)
  local was, lane = job.wasState, address:sub(1, 1)
  local newAge = not job.isGone and ageOf(job)
  if job.wasAge ~= newAge then
    age(lane, job.wasAge, -1)
    age(lane, newAge, 1)
  end
  if was == LEASED then
    add(LEASES[lane], -1)
    if job.isGone or job.state ~= LEASED then leaseEnded(job.wasClaim) end
  elseif was then
    add(WAITING[lane], -1)
  end
  if job.isGone then
    if was == LATER then redis.call('ZREM', key('later:' .. lane .. job.wasRank), address) end
    if was then table.insert(changes.gone, address) end
    return
  end
  if was == LATER then redis.call('ZREM', key('later:' .. lane .. job.wasRank), address) end
  if job.state == LEASED then
    add(LEASES[lane], 1)
  else
    local isListed = was == READY and job.wasRank == job.run.rank and job.run.due <= at
    if not isListed then place(address, job, changes) end
    add(WAITING[lane], 1)
  end
  table.insert(changes.sets, address)
  table.insert(changes.sets, packJob(job))
end

local function flushJobs()
  local changes = { sets = {}, gone = {}, front = {}, back = {}, lanes = {} }
  for _, address in ipairs(touched) do
    if jobs[address] then flushOne(address, jobs[address], changes) end
  end
  callMany('HSET', 'jobs', changes.sets)
  callMany('HDEL', 'jobs', changes.gone)
  for command, pushes in pairs({ LPUSH = changes.front, RPUSH = changes.back }) do
    for list, addresses in pairs(pushes) do
      callMany(command, 'ready:' .. list, addresses)
      changes.lanes[list:sub(1, 1)] = true
    end
  end
  flushAges()
  flushClaims()
  local lanes = ''
  for _, lane in ipairs(LANES) do if changes.lanes[lane] then lanes = lanes .. lane end end
  if lanes ~= '' then redis.call('PUBLISH', key('wake'), lanes) end
end
