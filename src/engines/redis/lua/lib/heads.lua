-- The earliest due time of a lane's waiting jobs; false = none waits. Outdated entries at the head of a list are taken off on the way.
local function earliestDue(lane)
  local due = false
  for rank = 0, 2 do
    local list = key('ready:' .. lane .. rank)
    local address = redis.call('LINDEX', list, 0)
    while address do
      local job = jobAt(address)
      if job and job.state == READY and job.run.rank == rank then
        due = earliest(due, job.run.due)
        break
      end
      redis.call('LPOP', list)
      address = redis.call('LINDEX', list, 0)
    end
    local later = redis.call('ZRANGE', key('later:' .. lane .. rank), 0, 0, 'WITHSCORES')
    if later[2] then due = earliest(due, tonumber(later[2])) end
  end
  return due
end
