-- The due jobs of one rank, oldest due first: those of the list, and those that waited for their time.
-- `peek` gives the first (address, job, whether it is one of the latter), `take` takes it off, `close` says how far the list is done.
-- At most READS_MAX looks of READ_LEAST entries or more a call: outdated ones may be very many.
M.READS_MAX, M.READ_LEAST = 50, 100

-- Reads the pages of the newest reasons of these jobs, where many lie on one.
function M.loadNewest(addresses)
  local seqs = {}
  for _, address in ipairs(addresses) do
    local job = M.jobs[address]
    if job and not job.run and job:byte(1) < 128 then
      seqs[#seqs + 1] = struct.unpack('>I5', job, 17)
    else
      job = M.jobAt(address)
      if job then seqs[#seqs + 1] = job.run.tail end
    end
  end
  M.loadRecords(seqs)
end

function M.dueJobs(lane, rank, most)
  local list, listed, used = M.key('ready:' .. lane .. rank), {}, 0
  local later, fromLater = redis.call('ZRANGEBYSCORE', M.key('later:' .. lane .. rank), '-inf', M.at, 'LIMIT', 0, most), 1
  M.loadJobs(later)

  local offset, reads = 0, 0

  -- Read only: what was passed is taken off when the script ends, with all else that it writes.
  local function readOn()
    offset, used, reads = offset + used, 0, reads + 1
    if reads > M.READS_MAX then return false end
    listed = redis.call('LRANGE', list, offset, offset + math.max(most, M.READ_LEAST) - 1)
    M.loadJobs(listed)
    M.loadNewest(listed)
    return #listed > 0
  end

  -- The first job of the list, packed if it is plain; an entry whose job is not due here any more is passed over.
  local function head()
    while listed[used + 1] or readOn() do
      local address = listed[used + 1]
      if not later[fromLater] and M.isPlainDue(M.jobs[address], rank) then return address, M.jobs[address] end
      local job = M.jobAt(address)
      if job and job.state == M.READY and job.run.rank == rank then return address, job end
      M.passOver(lane .. rank, address)
      used = used + 1
    end
  end

  return {
    peek = function()
      local address, job = head()
      local other = later[fromLater] and M.jobAt(later[fromLater])
      if other and (not job or other.run.due < job.run.due) then return later[fromLater], other, true end
      return address, job, false
    end,
    take = function(isLater)
      if isLater then fromLater = fromLater + 1 else used = used + 1 end
    end,
    close = function()
      if offset + used > 0 then M.trims[#M.trims + 1] = { list, offset + used } end
    end,
  }
end
