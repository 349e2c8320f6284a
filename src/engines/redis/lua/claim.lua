-- Leases the due jobs of a lane, urgent first, oldest due first; reclaims expired leases on the way.
-- KEYS[1] prefix. ARGV: time, lane letter, limit, lease (ms), owner, nonce (20 bits), nonces of claims whose answer was lost (JSON),
-- dedup window, history, rows of history.
-- Returns packed: epoch (6), then per lease: address (2 + n), id (6), token (7), attempt (4), rank (1), oldest reason (6),
-- count (4), reasons handed out (2), and each one's record (2 + n, see records.lua), newest first.
-- Invariant: one lease per address at a time; tokens grow, and their nonce tells two claims apart that a fail-over made equal.
--!include store records fates log ids job-packing jobs claims ages flush-jobs finish joining chains rests hold failures letters bury leases lost-leases plain-jobs due-jobs prune-records prune
local lane, limit, leaseMs, owner, nonce = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local REASONS_MAX, LOSSES_ALONE = 100, 2

local answer, claim = { struct.pack('>I6', M.totals.epoch) }, { lane, M.at, owner }
local claimToken

-- How many of a run's reasons are handed out, and they: each behind its length.
local function packedReasons(run)
  local packed = {}
  M.eachReason(run, REASONS_MAX, function(_, record) packed[#packed + 1] = struct.pack('>Hc0', #record, record) end)
  return #packed, table.concat(packed)
end

local LEASE = '>Hc0I6I7I4BI6I4H'
local LEASE_OF_ONE = LEASE .. 'Hc0'

-- The next lease of this claim; all of a claim end together unless they are prolonged.
local function newLease(address)
  M.totals.token = M.totals.token + 1
  local token = M.totals.token * M.NONCES + nonce
  claimToken = claimToken or token
  claim[#claim + 1] = address
  return { token = token, claim = claimToken, expires = M.at + leaseMs }
end

local function lease(address, job)
  local its, run = newLease(address), job.run
  job.state, job.attempt, job.lease = M.LEASED, job.attempt + 1, its
  M.touch(address)
  local handedOut, reasons = packedReasons(run)
  answer[#answer + 1] = struct.pack(LEASE, #address, address, job.id, its.token, job.attempt, run.rank,
    M.wall(run.first), run.count, handedOut) .. reasons
end

-- The same for a packed job; false = it has to be unpacked.
local plainLeased = 0
local function leasePlain(address, packed, rank)
  if packed:byte(2) == 255 then return false end
  local its = newLease(address)
  local attempt, id, first, head = M.leasePlain(address, packed, its)
  local record = M.recordAt(head)
  answer[#answer + 1] = struct.pack(LEASE_OF_ONE, #address, address, id, its.token, attempt, rank,
    M.wall(first), 1, 1, #record, record)
  plainLeased = plainLeased + 1
  return true
end

M.ending()
M.prune(tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]))
M.giveBackLost(owner, ARGV[7])
M.reclaimLapsed()
if #M.touched > 0 then
  M.flushJobs()
  M.jobs, M.touched = {}, {}
end

-- Returns whether the claim is over: a job that lost two workers is claimed alone, so that it cannot take its neighbours along.
local taken = 0
local function claimRank(rank)
  local due, isOver = M.dueJobs(lane, rank, limit - taken), false
  while taken < limit and not isOver do
    local address, job, isLater = due.peek()
    if not address then break end
    if not job.run and leasePlain(address, job, rank) then
      due.take(false)
    else
      job = M.jobAt(address)
      isOver = job.losses >= LOSSES_ALONE
      if isOver and taken > 0 then break end
      due.take(isLater)
      lease(address, job)
    end
    taken = taken + 1
  end
  due.close()
  return isOver or taken >= limit
end
local _ = M.totals[M.WAITING[lane]] == 0 or claimRank(0) or claimRank(1) or claimRank(2)
M.add(M.WAITING[lane], -plainLeased)
M.add(M.LEASES[lane], plainLeased)
if claimToken then M.putClaim(claimToken, M.at + leaseMs, claim) end
M.finish()
return table.concat(answer)
