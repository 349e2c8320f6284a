-- Dead letters: at most one per address, in `letters`; `letter-ids` finds one by its id, `letter-times` orders them by age.
local function letterAt(address)
  if totals[LETTERS[address:sub(1, 1)]] == 0 then return nil end
  local packed = redis.call('HGET', key('letters'), address)
  if not packed then return nil end
  local fields = cmsgpack.unpack(packed)
  return { id = fields[1], attempt = fields[2], failedAt = fields[3], failures = fields[4], run = unpackRun(fields, 5) }
end

local function putLetter(address, letter)
  local fields = { letter.id, letter.attempt, letter.failedAt, letter.failures }
  packRun(fields, letter.run)
  redis.call('HSET', key('letters'), address, cmsgpack.pack(fields))
  redis.call('HSET', key('letter-ids'), letter.id, address)
  redis.call('ZADD', key('letter-times'), letter.failedAt, address)
  add(LETTERS[address:sub(1, 1)], 1)
end

local function removeLetter(address, letter)
  redis.call('HDEL', key('letters'), address)
  redis.call('HDEL', key('letter-ids'), letter.id)
  redis.call('ZREM', key('letter-times'), address)
  add(LETTERS[address:sub(1, 1)], -1)
end

-- Settles the reasons of a letter with one fate for its events, and takes it away.
local function closeLetter(address, letter, fate)
  eachReason(letter.run, letter.run.count, function(seq, record) setFate(seq, isEvent(record) and fate or GONE) end)
  removeLetter(address, letter)
end

-- A success of its address closes a dead letter: what it knew is older than what was written now.
local function heal(address)
  local letter = letterAt(address)
  if not letter then return end
  closeLetter(address, letter, SUPERSEDED)
  count('dead_letters_healed')
  count('events_settled', letter.run.events)
  count('events_superseded', letter.run.events)
end
