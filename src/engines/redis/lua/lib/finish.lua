-- How a script that wrote ends.
function M.flushCounts()
  for name, by in pairs(M.counts) do if by > 0 then redis.call('HINCRBY', M.key('counters'), name, by) end end
end

function M.saveTotals() redis.call('SET', M.key('totals'), cmsgpack.pack(M.totals)) end

-- Ends a script that wrote: all of it becomes visible at once.
function M.finish()
  M.flushLog()
  M.flushJobs()
  M.flushCounts()
  M.saveTotals()
end
