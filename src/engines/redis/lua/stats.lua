-- The figures of all lanes at one instant.
-- KEYS[1] prefix. ARGV: time.
-- Returns JSON: events, and per lane letter: w(aiting), delayed, l(eased), d(ead), u(nsettled), and where there is one: received, due, leased at; unfinished (ms).
-- Invariant: changes nothing but outdated list entries; never walks what waits.
--!include store records fates log job-packing jobs claims joining chains heads
local figures = { events = M.totals.events }

local function oldestLeases()
  local oldest, sums = {}, {}
  for _, name in ipairs(redis.call('ZRANGE', M.key('claims'), 0, -1)) do
    local record, left = M.claimRecord(name), tonumber(redis.call('HGET', M.key('claim-left'), name))
    local lane, leasedAt = record[1], record[2]
    oldest[lane] = M.earliest(oldest[lane], leasedAt)
    sums[lane] = (sums[lane] or 0) + left * math.max(0, M.at - leasedAt)
  end
  return oldest, sums
end

local leasedAt, sums = oldestLeases()
for _, lane in ipairs(M.LANES) do
  local delayed = 0
  for rank = 0, 2 do delayed = delayed + redis.call('ZCOUNT', M.key('later:' .. lane .. rank), '(' .. string.format('%.0f', M.at), '+inf') end
  local age = redis.call('ZRANGE', M.key('ages:' .. lane), 0, 0, 'WITHSCORES')
  local due = M.earliestDue(lane)
  figures[lane] = {
    w = M.totals[lane .. 'w'], l = M.totals[lane .. 'l'], d = M.totals[lane .. 'd'], u = M.totals[lane .. 'u'], delayed = delayed,
    received = age[2] and M.wall(tonumber(age[2])), due = due and due <= M.at and M.wall(due) or nil,
    leased = leasedAt[lane] and M.wall(leasedAt[lane]), unfinished = sums[lane] or 0,
  }
end
return cjson.encode(figures)
