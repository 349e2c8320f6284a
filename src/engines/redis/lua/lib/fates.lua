-- What became of a reason stands beside it, in seven bytes: fate, and when it was settled. None = queued.
M.FATE_PAGE = 256
M.QUEUED, M.SYNCED, M.SUPERSEDED, M.DEAD, M.FILTERED, M.GONE, M.LET_GO = 0, 1, 2, 3, 4, 5, 6

function M.fatePage(seq) return M.key(string.format('fate:%.0f', math.floor(seq / M.FATE_PAGE))) end

M.newFates, M.fated = {}, {}
function M.setFate(seq, fate)
  if not M.newFates[seq] then M.fated[#M.fated + 1] = seq end
  M.newFates[seq] = fate
end

-- Neighbours are written together: what was claimed together usually came together.
function M.flushFates()
  table.sort(M.fated)
  local from, run, packed = nil, {}, {}
  for index, seq in ipairs(M.fated) do
    from = from or seq
    local fate = M.newFates[seq]
    packed[fate] = packed[fate] or struct.pack('>BI6', fate, fate == M.QUEUED and 0 or M.now)
    run[#run + 1] = packed[fate]
    local following = M.fated[index + 1]
    if following ~= seq + 1 or following % M.FATE_PAGE == 0 then
      redis.call('SETRANGE', M.fatePage(from), from % M.FATE_PAGE * 7, table.concat(run))
      from, run = nil, {}
    end
  end
  M.newFates, M.fated = {}, {}
end

function M.fateOf(seq)
  local place = seq % M.FATE_PAGE * 7
  local stored = redis.call('GETRANGE', M.fatePage(seq), place, place + 6)
  if #stored < 7 then return M.QUEUED, 0 end
  local fate, settledAt = struct.unpack('>BI6', stored)
  return fate, settledAt
end
