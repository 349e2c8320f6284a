-- Which events are known: six bytes of the dedup key's hash lead to a record, which holds all sixteen and the time.
M.known, M.learned = {}, {}

function M.loadDedup(fields)
  for first = 1, #fields, M.ARGUMENTS_MAX do
    local last = math.min(#fields, first + M.ARGUMENTS_MAX - 1)
    local found = redis.call('HMGET', M.key('dedup'), unpack(fields, first, last))
    for index = 1, last - first + 1 do
      if found[index] then M.known[fields[first + index - 1]] = tonumber(found[index]) end
    end
  end
end

-- By the times of arrival, so that a replay finds what an outage began with; on both sides, so that after a clock was set back a
-- year nothing counts as a duplicate for a year.
function M.isKnown(event, window)
  local seq = event.hash and M.known[event.hash:sub(1, 6)]
  local record = seq and M.recordAt(seq)
  if not record or M.hashOf(record) ~= event.hash then return false end
  return math.abs(event.received - M.totals.shift - struct.unpack('>I6', record, 7)) < window
end

function M.remember(event, seq)
  M.marks[seq] = event.mark
  if not event.hash then return end
  local field = event.hash:sub(1, 6)
  M.known[field] = seq
  table.insert(M.learned, field)
  table.insert(M.learned, seq)
end
