-- What every script starts from: the keys, the time, the totals.
-- KEYS[1] is the prefix with its hash tag: all keys begin with it, so that each script stays on one slot of a cluster.
-- ARGV[1] is the time in epoch milliseconds, or '' for this server's own: one clock for all processes.
-- Times are stored as `at`: it follows `now` and never goes back, so that no deadline is stranded when a clock is set back.
-- `M` holds all that scripts share: functions that capture many locals cost more to make, at each call, than all that they do.
local M = {}
M.base = KEYS[1]
M.LANES = { 'r', 's', 'i' }
M.LANE_NAMES = { r = 'route', s = 'sync', i = 'index' }

function M.key(name) return M.base .. ':' .. name end

function M.timeNow()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

M.now = M.timeNow()

-- One value, written in the step that changes what it counts, so that no figure is ever counted by scanning.
-- `seq` is the number of the next record, `pruned` the first log page that was not looked at yet.
function M.freshTotals()
  local fresh = { epoch = M.now, clock = M.now, shift = 0, token = 0, job = 0, seq = 32, pruned = 1, pruneAt = 0, rows = 0, events = 0 }
  for _, lane in ipairs(M.LANES) do
    for _, figure in ipairs({ 'w', 'l', 'd', 'u' }) do fresh[lane .. figure] = 0 end
  end
  for state = 0, 4 do fresh['a' .. state] = 0 end
  return fresh
end

M.packedTotals = redis.call('GET', M.key('totals'))
M.totals = M.packedTotals and cmsgpack.unpack(M.packedTotals) or M.freshTotals()

-- A clock that goes back by less than a second is noise (NTP, leap smearing).
if M.now + M.totals.shift < M.totals.clock - 1000 then M.totals.shift = M.totals.clock - M.now end
M.at = math.max(M.now + M.totals.shift, M.totals.clock)
M.totals.clock = M.at

-- A stored time as the world's clocks would call it.
function M.wall(time) return time - M.totals.shift end

-- Names of the figures by lane: a text that is put together anew for each job costs more than what it names.
M.WAITING, M.LEASES = { r = 'rw', s = 'sw', i = 'iw' }, { r = 'rl', s = 'sl', i = 'il' }
M.LETTERS, M.UNSETTLED = { r = 'rd', s = 'sd', i = 'id' }, { r = 'ru', s = 'su', i = 'iu' }
M.COMPLETED = { r = 'jobs_completed:route', s = 'jobs_completed:sync', i = 'jobs_completed:index' }

M.counts = {}
function M.count(name, by)
  M.counts[name] = (M.counts[name] or 0) + (by or 1)
end

-- Begins a script that brings work: refused as a whole where memory is full, before anything was written.
function M.growing() redis.call('SETRANGE', M.key('totals'), 0, '') end

-- Begins a script that ends work: done also where memory is full, as only that makes room. A write that changes nothing: a script
-- that has written is not refused any more.
function M.ending() redis.call('DEL', M.key('nothing')) end

function M.add(name, by) M.totals[name] = M.totals[name] + by end

-- Calls a command with many arguments, a bounded number at a time (Lua's stack holds some 8,000).
M.ARGUMENTS_MAX = 1000
function M.callMany(command, name, arguments)
  for first = 1, #arguments, M.ARGUMENTS_MAX do
    redis.call(command, M.key(name), unpack(arguments, first, math.min(#arguments, first + M.ARGUMENTS_MAX - 1)))
  end
end
