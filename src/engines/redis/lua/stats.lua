-- The figures of all lanes at one instant.
-- KEYS[1] prefix. ARGV: time.
-- Returns JSON: events, and per lane letter: w(aiting), delayed, l(eased), d(ead), u(nsettled), and where there is one: received, due, leased at; unfinished (ms).
-- Invariant: changes nothing but outdated list entries; never walks what waits.
--!include store records fates log job-packing jobs claims joining chains heads
local figures = { events = totals.events }

local function oldestLeases()
  local oldest, sums = {}, {}
  for _, name in ipairs(redis.call('ZRANGE', key('claims'), 0, -1)) do
    local record, left = claimRecord(name), tonumber(redis.call('HGET', key('claim-left'), name))
    local lane, leasedAt = record[1], record[2]
    oldest[lane] = earliest(oldest[lane], leasedAt)
    sums[lane] = (sums[lane] or 0) + left * max(0, at - leasedAt)
  end
  return oldest, sums
end

local leasedAt, sums = oldestLeases()
for _, lane in ipairs(LANES) do
  local delayed = 0
  for rank = 0, 2 do delayed = delayed + redis.call('ZCOUNT', key('later:' .. lane .. rank), '(' .. string.format('%.0f', at), '+inf') end
  local age = redis.call('ZRANGE', key('ages:' .. lane), 0, 0, 'WITHSCORES')
  local due = earliestDue(lane)
  figures[lane] = {
    w = totals[lane .. 'w'], l = totals[lane .. 'l'], d = totals[lane .. 'd'], u = totals[lane .. 'u'], delayed = delayed,
    received = age[2] and wall(tonumber(age[2])), due = due and due <= at and wall(due) or nil,
    leased = leasedAt[lane] and wall(leasedAt[lane]), unfinished = sums[lane] or 0,
  }
end
return cjson.encode(figures)
