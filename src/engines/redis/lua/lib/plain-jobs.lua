-- The short way of plain jobs (job-packing.lua), which most are: leased and completed as bytes, without being unpacked. It keeps what
-- flushJobs keeps; whatever is not as plain as it seems takes the other way.
M.plainBy = { r = 0, s = 0, i = 0 }

-- True for the bytes of a plain job that is due and listed under this rank.
function M.isPlainDue(packed, rank)
  return packed and not packed.run and packed:byte(1) == M.READY + 4 * rank
end

-- Returns attempt, id, first and number of the only reason. The caller has taken it off its list.
function M.leasePlain(address, packed, lease)
  local attempt, id, first, _, head = struct.unpack('>BI5I6I3I5', packed, 2)
  local leased = struct.pack('>BBc19I7I7I6', packed:byte(1) + M.LEASED, attempt + 1, packed:sub(3), lease.token, lease.claim, lease.expires)
  M.jobs[address] = leased
  M.plainSets[#M.plainSets + 1], M.plainSets[#M.plainSets + 2] = address, leased
  return attempt + 1, id, first, head
end

-- True = the lease held and its run is completed; false = the other way decides.
function M.completePlain(ending)
  local address, lane = ending.address, ending.address:sub(1, 1)
  local packed = M.jobs[address]
  if not packed or packed.run or packed:byte(1) % 4 ~= M.LEASED or #packed ~= M.PLAIN_LEASED_BYTES or M.totals[M.LETTERS[lane]] > 0 then return false end
  local id, first, _, head, token, claim, expires = struct.unpack('>I5I6I3I5I7I7I6', packed, 3)
  if ending.epoch ~= M.totals.epoch or id ~= ending.id or token ~= ending.token or expires <= M.at then return false end
  M.setFate(head, M.SYNCED)
  M.age(lane, first, -1)
  M.leaseEnded(claim)
  M.beginRest(address, M.endedRests)
  M.jobs[address] = false
  M.plainGone[#M.plainGone + 1] = address
  M.plainBy[lane] = M.plainBy[lane] + 1
  return true
end

-- The sums of all that was completed in the short way.
function M.countPlain()
  local all = 0
  for lane, by in pairs(M.plainBy) do
    if by > 0 then
      M.add(M.LEASES[lane], -by)
      M.add(M.UNSETTLED[lane], -by)
      M.count(M.COMPLETED[lane], by)
      all = all + by
    end
  end
  if all == 0 then return end
  M.add('events', -all)
  M.count('events_settled', all)
end
