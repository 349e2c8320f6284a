-- Queues memhook's own work; joins silently where the same work waits.
-- KEYS[1] prefix. ARGV: time, maximum wait, rest (ms), packed wishes (hold.lua, readWish).
-- Returns how many wishes there were.
-- Invariant: not bounded by the capacity, and no event is counted.
--!include store records fates log job-packing jobs claims ages flush-jobs finish joining chains rests hold
M.growing()
M.maxWait, M.restMs = tonumber(ARGV[2]), tonumber(ARGV[3])
local wishes, addresses, from = {}, {}, 1
while from <= #ARGV[4] do
  local wish
  wish, from = M.readWish(ARGV[4], from)
  wishes[#wishes + 1] = wish
  addresses[#addresses + 1] = wish.address
end
M.loadJobs(addresses)
M.loadRests(addresses)
for _, wish in ipairs(wishes) do M.enqueue(wish) end
M.finish()
return #wishes
