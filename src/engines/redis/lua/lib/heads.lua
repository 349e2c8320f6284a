-- The earliest due time of a lane's waiting jobs; false = none waits. Outdated entries at the head of a list are taken off on the way.
M.OUTDATED_MAX = 500

function M.earliestDue(lane)
  local due = false
  for rank = 0, 2 do
    local list = M.key('ready:' .. lane .. rank)
    local address, passed = redis.call('LINDEX', list, 0), 0
    while address do
      local job = M.jobAt(address)
      if job and job.state == M.READY and job.run.rank == rank then
        due = M.earliest(due, job.run.due)
        break
      end
      -- Very many: whoever claims passes over them, so that it is as if work were due.
      passed = passed + 1
      if passed > M.OUTDATED_MAX then
        due = M.earliest(due, M.at)
        break
      end
      M.passOver(lane .. rank, address)
      redis.call('LPOP', list)
      address = redis.call('LINDEX', list, 0)
    end
    local later = redis.call('ZRANGE', M.key('later:' .. lane .. rank), 0, 0, 'WITHSCORES')
    if later[2] then due = M.earliest(due, tonumber(later[2])) end
  end
  return due
end
