-- A dead letter as an operator reads it: JSON, and the bodies of its newest reasons, newest first.
local REASONS_MAX = 100

local function letterView(address, letter)
  local run, bodies = letter.run, {}
  eachReason(run, REASONS_MAX, function(_, record) bodies[#bodies + 1] = record:sub(7) end)
  local described = cjson.encode({
    address = address, id = letter.id, attempts = letter.attempt, failedAt = wall(letter.failedAt),
    firstReceivedAt = wall(run.first), reasonCount = run.count,
  })
  return { described, letter.failures, bodies }
end

-- The addresses of dead letters that a name means: an id, or a key in any lane.
local function lettersNamed(name)
  local id = name:match('^dl_(%d+)$')
  local address = id and redis.call('HGET', key('letter-ids'), id)
  if address then return { address } end
  local found = {}
  for _, lane in ipairs(LANES) do if letterAt(lane .. name) then found[#found + 1] = lane .. name end end
  return found
end

-- The newest first, at most `most`.
local function newestLetters(most)
  return redis.call('ZREVRANGE', key('letter-times'), 0, most - 1)
end
