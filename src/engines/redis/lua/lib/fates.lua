-- What became of a reason stands beside it, in seven bytes: fate, and when it was settled. None = queued.
local FATE_PAGE = 256
local QUEUED, SYNCED, SUPERSEDED, DEAD, FILTERED, GONE, LET_GO = 0, 1, 2, 3, 4, 5, 6
local FATES = {}
for fate = QUEUED, LET_GO do FATES[fate] = struct.pack('>BI6', fate, fate == QUEUED and 0 or now) end

local function fatePage(seq) return key(string.format('fate:%.0f', floor(seq / FATE_PAGE))) end

local newFates, fated = {}, {}
local function setFate(seq, fate)
  if not newFates[seq] then fated[#fated + 1] = seq end
  newFates[seq] = fate
end

-- Neighbours are written together: what was claimed together usually came together.
local function flushFates()
  table.sort(fated)
  local from, run = nil, {}
  for index, seq in ipairs(fated) do
    from = from or seq
    run[#run + 1] = FATES[newFates[seq]]
    local following = fated[index + 1]
    if following ~= seq + 1 or following % FATE_PAGE == 0 then
      redis.call('SETRANGE', fatePage(from), from % FATE_PAGE * 7, table.concat(run))
      from, run = nil, {}
    end
  end
  newFates, fated = {}, {}
end

local function fateOf(seq)
  local place = seq % FATE_PAGE * 7
  local stored = redis.call('GETRANGE', fatePage(seq), place, place + 6)
  if #stored < 7 then return QUEUED, 0 end
  local fate, settledAt = struct.unpack('>BI6', stored)
  return fate, settledAt
end
