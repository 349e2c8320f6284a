-- The job of a lease that still holds. An expired one does not, even while nobody has reclaimed it.
function M.heldJob(address, epoch, id, token)
  local job = M.jobAt(address)
  if not job or job.state ~= M.LEASED or epoch ~= M.totals.epoch or job.id ~= id or job.lease.token ~= token then return nil end
  return job.lease.expires > M.at and job or nil
end
