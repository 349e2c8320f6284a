-- Ends leases, each on its own: one stale lease does not hinder its neighbours.
-- KEYS[1] prefix. ARGV: time, maximum wait, rest (ms), packed settlements, each: address (2 + n), epoch (6), id (6), token (7), verb (1):
-- 0 complete, 1 pass (address 2 + n, rank 1, delay 4), 2 retry (due in 6, failure), 3 release (due in 6), 4 dead (failure);
-- then the work that goes with it: a count (2) and wishes (hold.lua, readWish). A failure is code (1 + n), message (2 + n).
-- Returns a letter per settlement: s(ettled) or x (stale).
-- Invariant: only who holds the lease now changes anything. All arrows out of `leased`, but for the reclaim of a lost one, start here.
--!include store records fates log job-packing jobs held-job claims ages flush-jobs finish joining chains rests hold failures letters bury leases plain-jobs complete endings
M.ending()
M.maxWait, M.restMs = tonumber(ARGV[2]), tonumber(ARGV[3])
local packed = ARGV[4]

local NOTHING = {}

local function readEnding(from)
  local address, epoch, id, token, verb, to, due, failure, size
  address, epoch, id, token, verb, from = struct.unpack('>Hc0I6I6I7B', packed, from)
  if verb == 1 then
    to = {}
    to.address, to.rank, to.delay, from = struct.unpack('>Hc0BI4', packed, from)
  end
  if verb == 2 or verb == 3 then due, from = struct.unpack('>I6', packed, from) end
  if verb == 2 or verb == 4 then
    failure = { lane = M.LANE_NAMES[address:sub(1, 1)] }
    failure.code, failure.message, from = struct.unpack('>Bc0Hc0', packed, from)
  end
  size, from = struct.unpack('>H', packed, from)
  local also = size == 0 and NOTHING or {}
  for index = 1, size do also[index], from = M.readWish(packed, from) end
  local ending = { address = address, epoch = epoch, id = id, token = token, verb = verb, to = to, due = due, failure = failure, also = also }
  return ending, from
end

local endings, addresses, from = {}, {}, 1
while from <= #packed do
  local ending
  ending, from = readEnding(from)
  endings[#endings + 1] = ending
  addresses[#addresses + 1] = ending.address
  if ending.to then addresses[#addresses + 1] = ending.to.address end
  for _, wish in ipairs(ending.also) do addresses[#addresses + 1] = wish.address end
end
M.loadJobs(addresses)
M.loadRests(addresses)

local answers = {}
for index, ending in ipairs(endings) do
  local isPlain = ending.verb == 0 and M.completePlain(ending)
  local address, job = ending.address, not isPlain and M.heldJob(ending.address, ending.epoch, ending.id, ending.token)
  answers[index] = (isPlain or job) and 's' or 'x'
  if job then
    if ending.verb == 0 then M.complete(address, job)
    elseif ending.verb == 1 then M.pass(address, job, ending.to)
    elseif ending.verb == 2 then M.retry(address, job, M.at + ending.due, ending.failure)
    elseif ending.verb == 3 then M.release(address, job, M.at + ending.due)
    else M.bury(address, job, ending.failure) end
  end
  if isPlain or job then
    for _, wish in ipairs(ending.also) do M.enqueue(wish) end
  end
end
M.countPlain()
M.flushRests(M.endedRests)
M.finish()
return table.concat(answers)
