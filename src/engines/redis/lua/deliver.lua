-- Takes the events of deliveries, each delivery whole or not at all: dedup, capacity, queueing and counting in one step.
-- KEYS[1] prefix. ARGV: time, capacity, dedup window, maximum wait, rest, history, rows of history (ms, but for the rows), packed deliveries:
-- each a count (4 bytes), 1 = acknowledged before, so not refused (1), and its events (hold.lua, readWish; flags 1 = filtered).
-- Returns a text per delivery: 'F' = full, else a letter per event: q(ueued), c(oalesced), d(uplicate), f(iltered).
-- Invariant: a refused delivery leaves no trace; two events of one dedup hash within the window are taken once.
--!include store records fates log job-packing jobs claims ages flush-jobs finish joining chains rests hold ids dedup prune-records prune
local capacity, window = tonumber(ARGV[2]), tonumber(ARGV[3])
M.maxWait, M.restMs = tonumber(ARGV[4]), tonumber(ARGV[5])

local function readDeliveries(packed)
  local deliveries, addresses, fields, from = {}, {}, {}, 1
  while from <= #packed do
    local size, isAcknowledged
    size, isAcknowledged, from = struct.unpack('>I4B', packed, from)
    local events = { isAcknowledged = isAcknowledged == 1 }
    for index = 1, size do
      events[index], from = M.readWish(packed, from)
      events[index].hash = events[index].body:byte(7) % 2 == 1 and events[index].body:sub(8, 23) or nil
      if events[index].hash then fields[#fields + 1] = events[index].hash:sub(1, 6) end
      addresses[#addresses + 1] = events[index].address
    end
    deliveries[#deliveries + 1] = events
  end
  return deliveries, addresses, fields
end

local function countNew(events)
  local seen, new = {}, 0
  for _, event in ipairs(events) do
    local isRepeated = event.hash and (seen[event.hash] or M.isKnown(event, window))
    if event.hash then seen[event.hash] = true end
    if not isRepeated and event.flags ~= 1 then new = new + 1 end
  end
  return new
end

local function take(event)
  if M.isKnown(event, window) then
    M.count('events_duplicate')
    return 'd'
  end
  if event.flags == 1 then
    local seq = M.appendRecord(event.body, 0)
    M.setFate(seq, M.FILTERED)
    M.remember(event, seq)
    M.count('events_filtered')
    return 'f'
  end
  local joining = { rank = event.rank, delay = event.delay, first = event.received, event = event.received }
  local run, _, isNew = M.hold(event.address, joining)
  M.remember(event, M.addReason(run, event.body, true))
  M.add('events', 1)
  M.add(M.UNSETTLED[event.address:sub(1, 1)], 1)
  M.count('events_accepted')
  M.count('events_accepted:' .. event.label)
  if not isNew then M.count('jobs_coalesced') end
  return isNew and 'q' or 'c'
end

M.growing()
-- Before anything is appended: a page that this very call fills is not whole for pruning.
M.prune(window, tonumber(ARGV[6]), tonumber(ARGV[7]))
local deliveries, addresses, fields = readDeliveries(ARGV[8])
M.loadJobs(addresses)
M.loadRests(addresses)
M.loadDedup(fields)
local answers = {}
for index, events in ipairs(deliveries) do
  local room = events.isAcknowledged and #events or math.max(0, capacity - M.totals.events)
  if #events > room and countNew(events) > room then
    answers[index] = 'F'
  else
    local outcomes = {}
    for each, event in ipairs(events) do outcomes[each] = take(event) end
    M.count('events_total', #events)
    answers[index] = table.concat(outcomes)
  end
end
M.callMany('HSET', 'dedup', M.learned)
M.flushMarks()
M.finish()
return answers
