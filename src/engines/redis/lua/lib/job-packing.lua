-- Jobs as they lie in the store; jobs.lua says what their parts mean.
M.READY, M.LATER, M.LEASED = 0, 1, 2

function M.unpackRun(fields, from)
  local first = fields[from + 1]
  return {
    rank = fields[from], first = first, due = first + fields[from + 2], event = fields[from + 3] and first + fields[from + 3],
    head = fields[from + 4], tail = fields[from + 4] + fields[from + 5], count = fields[from + 6], events = fields[from + 7],
  }
end

function M.packRun(fields, run)
  local from = #fields
  fields[from + 1], fields[from + 2], fields[from + 3] = run.rank, run.first, run.due - run.first
  fields[from + 4] = run.event and run.event - run.first
  fields[from + 5], fields[from + 6] = run.head, run.tail - run.head
  fields[from + 7], fields[from + 8] = run.count, run.events
end

-- The oldest event that the job answers or will answer.
function M.ageOf(job)
  local next = job.next
  if next and next.event then return math.min(next.event, job.run.event or next.event) end
  return job.run.event
end

-- Most jobs wait, or are held, for one event: those are packed in 21 bytes, or 41 with a lease: state and rank, attempt, id, oldest
-- event, when due after it (or before: clocks differ) by milliseconds, number of the reason. Their first byte is below 128, that of all others (a list of 14 or more) is not.
M.WAIT_ZERO, M.PLAIN_BYTES, M.PLAIN_LEASED_BYTES = 8388608, 21, 41

function M.isPlain(job)
  local run = job.run
  return run.count == 1 and run.events == 1 and run.event == run.first and math.abs(run.due - run.first) < M.WAIT_ZERO
    and job.losses == 0 and not job.failures and not job.next and job.attempt < 256
end

function M.packPlain(job)
  local run, lease = job.run, job.lease
  local kind, wait = job.state + 4 * run.rank, run.due - run.first + M.WAIT_ZERO
  if not lease then return struct.pack('>BBI5I6I3I5', kind, job.attempt, job.id, run.first, wait, run.head) end
  return struct.pack('>BBI5I6I3I5I7I7I6', kind, job.attempt, job.id, run.first, wait, run.head, lease.token, lease.claim, lease.expires)
end

function M.unpackPlain(packed)
  local kind, attempt, id, first, wait, head = struct.unpack('>BBI5I6I3I5', packed)
  local state = kind % 4
  local rank, due = (kind - state) / 4, first + wait - M.WAIT_ZERO
  local lease = false
  if state == M.LEASED then
    local token, claim, expires = struct.unpack('>I7I7I6', packed, M.PLAIN_BYTES + 1)
    lease = { token = token, claim = claim, expires = expires }
  end
  -- All fields at once: a table that grows is made anew at each doubling.
  return {
    run = { rank = rank, first = first, due = due, event = first, head = head, tail = head, count = 1, events = 1 },
    id = id, state = state, attempt = attempt, losses = 0, lease = lease, next = false, failures = false,
    wasState = state, wasRank = rank, wasAge = first, wasClaim = lease and lease.claim,
  }
end

function M.unpackListed(packed)
  local fields = cmsgpack.unpack(packed)
  local job = { id = fields[1], state = fields[2], attempt = fields[3], losses = fields[4], run = M.unpackRun(fields, 5) }
  job.failures = fields[13] ~= '' and fields[13]
  job.lease = fields[14] and { token = fields[14], claim = fields[15], expires = fields[16] }
  job.next = fields[17] and M.unpackRun(fields, 17) or false
  job.wasState, job.wasRank, job.wasAge, job.wasClaim = job.state, job.run.rank, M.ageOf(job), job.lease and job.lease.claim
  return job
end

function M.packJob(job)
  if M.isPlain(job) then return M.packPlain(job) end
  local fields, lease = { job.id, job.state, job.attempt, job.losses }, job.lease
  M.packRun(fields, job.run)
  fields[13] = job.failures or ''
  fields[14], fields[15], fields[16] = lease and lease.token or false, lease and lease.claim or false, lease and lease.expires or false
  if job.next then M.packRun(fields, job.next) end
  return cmsgpack.pack(fields)
end

function M.unpackJob(packed)
  return packed:byte(1) < 128 and M.unpackPlain(packed) or M.unpackListed(packed)
end
