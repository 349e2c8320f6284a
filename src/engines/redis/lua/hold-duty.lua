-- Takes a duty, or prolongs it for the process that has it.
-- KEYS[1] prefix. ARGV: time, name, owner, lease (ms; 0 = give it back).
-- Returns 1 when the duty is this owner's (or was given back), 0 when another has it.
-- Invariant: one owner per name at a time.
--!include store finish
M.ending()
local stored = redis.call('HGET', M.key('duties'), ARGV[2])
local held = stored and cmsgpack.unpack(stored)
if held and held[1] ~= ARGV[3] and held[2] > M.at then return 0 end
local leaseMs = tonumber(ARGV[4])
if leaseMs == 0 then redis.call('HDEL', M.key('duties'), ARGV[2])
else redis.call('HSET', M.key('duties'), ARGV[2], cmsgpack.pack({ ARGV[3], M.at + leaseMs })) end
M.saveTotals()
return 1
