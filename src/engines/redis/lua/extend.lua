-- Prolongs leases to now + lease.
-- KEYS[1] prefix. ARGV: time, lease (ms), packed leases: address (2 + n), epoch (6), id (6), token (7).
-- Returns a letter per lease: s(ettled) or x (stale).
-- Invariant: a lease that has expired is not revived, even while nobody has reclaimed it.
--!include store records fates log job-packing jobs held-job claims ages flush-jobs finish
M.ending()
local answers, from, leases, addresses = {}, 1, {}, {}
while from <= #ARGV[3] do
  local lease = {}
  lease.address, lease.epoch, lease.id, lease.token, from = struct.unpack('>Hc0I6I6I7', ARGV[3], from)
  leases[#leases + 1] = lease
  addresses[#addresses + 1] = lease.address
end
M.loadJobs(addresses)
for index, lease in ipairs(leases) do
  local job = M.heldJob(lease.address, lease.epoch, lease.id, lease.token)
  answers[index] = job and 's' or 'x'
  if job then
    job.lease.expires = M.at + tonumber(ARGV[2])
    M.touch(lease.address)
  end
end
M.finish()
return table.concat(answers)
