-- Finds or makes the live job of an address and lets `joining` join its waiting run, or the run after its leased one.
-- maxWait and restMs come from the script's arguments.
M.maxWait = 0

-- Returns the run that reasons are added to, whether it was there, and whether that made a job.
function M.hold(address, joining)
  local rules = { maxWait = M.maxWait, restUntil = M.restUntil(address), isFirstWait = true }
  local job = M.jobAt(address)
  if not job then
    M.add('job', 1)
    job = { id = M.totals.job, state = M.READY, attempt = 0, losses = 0, run = M.newRun(joining, rules) }
    M.putJob(address, job)
    return job.run, false, true
  end
  M.touch(address)
  if job.state == M.LEASED then
    -- The lease answers what was there at its claim; what comes now is answered by exactly one more run.
    local wasThere = not not job.next
    if wasThere then M.joinRun(job.next, joining, rules) else job.next = M.newRun(joining, rules) end
    return job.next, wasThere, false
  end
  rules.isFirstWait = job.attempt == 0 and job.losses == 0 and not job.failures
  M.joinRun(job.run, joining, rules)
  return job.run, true, false
end

-- Queues memhook's own work. Adds no reason where the run has one: the same work already waits.
function M.enqueue(new)
  local run, wasThere = M.hold(new.address, { rank = new.rank, delay = new.delay, first = new.received, event = false })
  if wasThere then return end
  M.addReason(run, new.body, false)
  M.add(M.UNSETTLED[new.address:sub(1, 1)], 1)
end

-- Reads one wish for work from packed arguments: address, rank, flags, delay, mark of the event's id, body, label.
function M.readWish(packed, from)
  local address, rank, flags, delay, mark, body, label, after = struct.unpack('>Hc0BBI4c2Hc0Bc0', packed, from)
  -- No event came later than now, whatever the clock of its receiver says: the maximum wait counts from here.
  local received = math.min(M.at, struct.unpack('>I6', body) + M.totals.shift)
  return { address = address, rank = rank, flags = flags, delay = delay, mark = mark, body = body, label = label, received = received }, after
end
