-- Leases the due jobs of a lane, urgent first, oldest due first; reclaims expired leases on the way.
-- KEYS[1] prefix. ARGV: time, lane letter, limit, lease (ms), owner, nonce (20 bits), nonces of claims whose answer was lost (JSON),
-- dedup window, history, rows of history.
-- Returns packed: epoch (6), then per lease: address (2 + n), id (6), token (7), attempt (4), rank (1), expires at (6), oldest reason (6),
-- count (4), reasons handed out (2), and each one's body (2 + n), newest first.
-- Invariant: one lease per address at a time; tokens grow, and their nonce tells two claims apart that a fail-over made equal.
--!include store records fates log job-packing jobs claims ages flush-jobs finish joining chains rests hold failures letters bury leases lost-leases due-jobs prune-records prune
local lane, limit, leaseMs, owner, nonce = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local REASONS_MAX, LOSSES_ALONE = 100, 2

local answer, claim = { struct.pack('>I6', totals.epoch) }, { lane, at, owner }
local claimToken

local function reasonBodies(run)
  if run.count == 1 then
    local record = recordAt(run.tail)
    return 1, struct.pack('>H', #record - 6) .. record:sub(7)
  end
  local bodies = {}
  eachReason(run, REASONS_MAX, function(_, record)
    bodies[#bodies + 1] = struct.pack('>H', #record - 6)
    bodies[#bodies + 1] = record:sub(7)
  end)
  return #bodies / 2, table.concat(bodies)
end

local function lease(address, job)
  totals.token = totals.token + 1
  local token, run = totals.token * NONCES + nonce, job.run
  claimToken = claimToken or token
  job.state, job.attempt, job.lease = LEASED, job.attempt + 1, { token = token, claim = claimToken, expires = at + leaseMs }
  touch(address)
  claim[#claim + 1] = address
  local bodyCount, bodies = reasonBodies(run)
  answer[#answer + 1] = struct.pack('>Hc0I6I7I4BI6I6I4H', #address, address, job.id, token, job.attempt, run.rank,
    wall(at + leaseMs), wall(run.first), run.count, bodyCount)
  answer[#answer + 1] = bodies
end

giveBackLost(owner, ARGV[7])
reclaimLapsed()
if #touched > 0 then
  flushJobs()
  jobs, touched = {}, {}
end

-- Returns whether the claim is over: a job that lost two workers is claimed alone, so that it cannot take its neighbours along.
local taken = 0
local function claimRank(rank)
  local due, isOver = dueJobs(lane, rank, limit - taken), false
  while taken < limit and not isOver do
    local address, job, isLater = due.peek()
    if not address then break end
    isOver = job.losses >= LOSSES_ALONE
    if isOver and taken > 0 then break end
    due.take(isLater)
    lease(address, job)
    taken = taken + 1
  end
  due.close()
  return isOver or taken >= limit
end
local _ = claimRank(0) or claimRank(1) or claimRank(2)
if claimToken then putClaim(claimToken, at + leaseMs, claim) end
prune(tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]))
finish()
return table.concat(answer)
