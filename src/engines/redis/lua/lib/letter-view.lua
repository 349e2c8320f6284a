-- A dead letter as an operator reads it: JSON, and the bodies of its newest reasons, newest first.
M.REASONS_MAX = 100

function M.letterView(address, letter)
  local run, bodies = letter.run, {}
  M.eachReason(run, M.REASONS_MAX, function(_, record) bodies[#bodies + 1] = record:sub(7) end)
  local described = cjson.encode({
    address = address, id = letter.id, attempts = letter.attempt, failedAt = M.wall(letter.failedAt),
    firstReceivedAt = M.wall(run.first), reasonCount = run.count,
  })
  return { described, letter.failures, bodies }
end

-- The addresses of dead letters that a name means: an id, or a key in any lane.
function M.lettersNamed(name)
  local id = name:match('^dl_(%d+)$')
  local address = id and redis.call('HGET', M.key('letter-ids'), id)
  if address then return { address } end
  local found = {}
  for _, lane in ipairs(M.LANES) do if M.letterAt(lane .. name) then found[#found + 1] = lane .. name end end
  return found
end

-- The newest first, at most `most`.
function M.newestLetters(most)
  return redis.call('ZREVRANGE', M.key('letter-times'), 0, most - 1)
end
