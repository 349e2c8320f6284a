-- What every script starts from: the keys, the time, the totals.
-- KEYS[1] is the prefix with its hash tag: all keys begin with it, so that each script stays on one slot of a cluster.
-- ARGV[1] is the time in epoch milliseconds, or '' for this server's own: one clock for all processes.
-- Times are stored as `at`: it follows `now` and never goes back, so that no deadline is stranded when a clock is set back.
local base = KEYS[1]
local floor, min, max = math.floor, math.min, math.max
local LANES = { 'r', 's', 'i' }
local LANE_NAMES = { r = 'route', s = 'sync', i = 'index' }

local function key(name) return base .. ':' .. name end

local function timeNow()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return time[1] * 1000 + floor(time[2] / 1000)
end

local now = timeNow()

-- One value, written in the step that changes what it counts, so that no figure is ever counted by scanning.
-- `seq` is the number of the next record, `pruned` the first log page that was not looked at yet.
local function freshTotals()
  local fresh = { epoch = now, clock = now, shift = 0, token = 0, job = 0, seq = 32, pruned = 1, pruneAt = 0, rows = 0, events = 0 }
  for _, lane in ipairs(LANES) do
    for _, figure in ipairs({ 'w', 'l', 'd', 'u' }) do fresh[lane .. figure] = 0 end
  end
  for state = 0, 4 do fresh['a' .. state] = 0 end
  return fresh
end

local packedTotals = redis.call('GET', key('totals'))
local totals = packedTotals and cmsgpack.unpack(packedTotals) or freshTotals()

-- A clock that goes back by less than a second is noise (NTP, leap smearing).
if now + totals.shift < totals.clock - 1000 then totals.shift = totals.clock - now end
local at = max(now + totals.shift, totals.clock)
totals.clock = at

-- A stored time as the world's clocks would call it.
local function wall(time) return time - totals.shift end

-- Names of the figures by lane, made once: a text that is put together anew for each job costs more than what it names.
local WAITING, LEASES, LETTERS, UNSETTLED, COMPLETED = {}, {}, {}, {}, {}
for _, lane in ipairs(LANES) do
  WAITING[lane], LEASES[lane], LETTERS[lane], UNSETTLED[lane] = lane .. 'w', lane .. 'l', lane .. 'd', lane .. 'u'
  COMPLETED[lane] = 'jobs_completed:' .. LANE_NAMES[lane]
end

local counts = {}
local function count(name, by)
  counts[name] = (counts[name] or 0) + (by or 1)
end

local function add(name, by) totals[name] = totals[name] + by end

-- Calls a command with many arguments, a bounded number at a time (Lua's stack holds some 8,000).
local ARGUMENTS_MAX = 1000
local function callMany(command, name, arguments)
  for first = 1, #arguments, ARGUMENTS_MAX do
    redis.call(command, key(name), unpack(arguments, first, min(#arguments, first + ARGUMENTS_MAX - 1)))
  end
end
