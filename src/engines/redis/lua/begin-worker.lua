-- A process begins to claim: the leases of its predecessor, which is known to be gone, are free at once.
-- KEYS[1] prefix. ARGV: time, owner (the same name that the predecessor had).
-- Returns how many leases were reclaimed.
-- Invariant: only leases of this owner are touched; each counts as lost, and spends no attempt.
--!include store records fates log job-packing jobs claims ages flush-jobs finish joining chains rests hold failures letters bury leases
M.ending()
local reclaimed = 0
for _, name in ipairs(redis.call('ZRANGE', M.key('claims'), 0, -1)) do
  local record = M.claimRecord(name)
  if record[3] == ARGV[2] then
    M.eachLeased(name, record, function(address, job)
      reclaimed = reclaimed + 1
      M.reclaim(address, job)
    end)
  end
end
M.finish()
return reclaimed
