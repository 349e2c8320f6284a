-- How a script that wrote ends.
local function flushCounts()
  for name, by in pairs(counts) do if by > 0 then redis.call('HINCRBY', key('counters'), name, by) end end
end

-- Ends a script that wrote: all of it becomes visible at once.
local function finish()
  flushLog()
  flushJobs()
  flushCounts()
  redis.call('SET', key('totals'), cmsgpack.pack(totals))
end
