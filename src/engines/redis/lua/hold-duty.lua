-- Takes a duty, or prolongs it for the process that has it.
-- KEYS[1] prefix. ARGV: time, name, owner, lease (ms; 0 = give it back).
-- Returns 1 when the duty is this owner's (or was given back), 0 when another has it.
-- Invariant: one owner per name at a time.
--!include store
local stored = redis.call('HGET', key('duties'), ARGV[2])
local held = stored and cmsgpack.unpack(stored)
if held and held[1] ~= ARGV[3] and held[2] > at then return 0 end
local leaseMs = tonumber(ARGV[4])
if leaseMs == 0 then redis.call('HDEL', key('duties'), ARGV[2])
else redis.call('HSET', key('duties'), ARGV[2], cmsgpack.pack({ ARGV[3], at + leaseMs })) end
redis.call('SET', key('totals'), cmsgpack.pack(totals))
return 1
