-- Which events are known: six bytes of the dedup key's hash lead to a record, which holds all sixteen and the time.
local known, learned = {}, {}

local function loadDedup(fields)
  for first = 1, #fields, ARGUMENTS_MAX do
    local last = min(#fields, first + ARGUMENTS_MAX - 1)
    local found = redis.call('HMGET', key('dedup'), unpack(fields, first, last))
    for index = 1, last - first + 1 do
      if found[index] then known[fields[first + index - 1]] = tonumber(found[index]) end
    end
  end
end

-- On both sides of now: after the clock was set back a year, nothing may count as a duplicate for a year.
local function isKnown(hash, window)
  local seq = hash and known[hash:sub(1, 6)]
  local record = seq and recordAt(seq)
  return record and hashOf(record) == hash and math.abs(now - struct.unpack('>I6', record, 7)) < window
end

local function remember(event, seq)
  redis.call('SADD', key('ids:' .. struct.unpack('>H', event.body, 8)), seq)
  if not event.hash then return end
  local field = event.hash:sub(1, 6)
  known[field] = seq
  table.insert(learned, field)
  table.insert(learned, seq)
end
