-- When a lane's next job falls due, or the first lease lapses.
-- KEYS[1] prefix. ARGV: time, lane letter.
-- Returns in how many milliseconds; 0 = now, -1 = nothing waits.
-- Invariant: changes nothing but outdated list entries.
--!include store records fates log job-packing jobs joining chains heads
local due = M.earliestDue(ARGV[2])
local lapse = redis.call('ZRANGE', M.key('claims'), 0, 0, 'WITHSCORES')
if lapse[2] then due = M.earliest(due, tonumber(lapse[2])) end
return due and math.max(0, due - M.at) or -1
