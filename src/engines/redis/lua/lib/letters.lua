-- Dead letters: at most one per address, in `letters`; `letter-ids` finds one by its id, `letter-times` orders them by age.
function M.letterAt(address)
  if M.totals[M.LETTERS[address:sub(1, 1)]] == 0 then return nil end
  local packed = redis.call('HGET', M.key('letters'), address)
  if not packed then return nil end
  local fields = cmsgpack.unpack(packed)
  return { id = fields[1], attempt = fields[2], failedAt = fields[3], failures = fields[4], run = M.unpackRun(fields, 5) }
end

function M.putLetter(address, letter)
  local fields = { letter.id, letter.attempt, letter.failedAt, letter.failures }
  M.packRun(fields, letter.run)
  redis.call('HSET', M.key('letters'), address, cmsgpack.pack(fields))
  redis.call('HSET', M.key('letter-ids'), letter.id, address)
  redis.call('ZADD', M.key('letter-times'), letter.failedAt, address)
  M.add(M.LETTERS[address:sub(1, 1)], 1)
end

function M.removeLetter(address, letter)
  redis.call('HDEL', M.key('letters'), address)
  redis.call('HDEL', M.key('letter-ids'), letter.id)
  redis.call('ZREM', M.key('letter-times'), address)
  M.add(M.LETTERS[address:sub(1, 1)], -1)
end

-- Settles the reasons of a letter with one fate for its events, and takes it away.
function M.closeLetter(address, letter, fate)
  M.eachReason(letter.run, letter.run.count, function(seq, record) M.setFate(seq, M.isEvent(record) and fate or M.GONE) end)
  M.removeLetter(address, letter)
end

-- A success of its address closes a dead letter: what it knew is older than what was written now.
function M.heal(address)
  local letter = M.letterAt(address)
  if not letter then return end
  M.closeLetter(address, letter, M.SUPERSEDED)
  M.count('dead_letters_healed')
  M.count('events_settled', letter.run.events)
  M.count('events_superseded', letter.run.events)
end
