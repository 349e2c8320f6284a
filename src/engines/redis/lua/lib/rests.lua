-- A key rests for a while after a completed run. Rests are kept by generations of one rest's length each, which expire whole.
M.restMs = 0
M.rests = {}

function M.restPage(generation) return string.format('rest:%.0f', generation) end

function M.loadRests(addresses)
  if M.restMs <= 0 or #addresses == 0 then return end
  local generation = math.floor(M.at / M.restMs)
  for page = generation - 1, generation do
    for first = 1, #addresses, M.ARGUMENTS_MAX do
      local last = math.min(#addresses, first + M.ARGUMENTS_MAX - 1)
      local found = redis.call('HMGET', M.key(M.restPage(page)), unpack(addresses, first, last))
      for index = 1, last - first + 1 do
        if found[index] then M.rests[addresses[first + index - 1]] = tonumber(found[index]) end
      end
    end
  end
end

function M.beginRest(address, ended)
  if M.restMs <= 0 then return end
  M.rests[address] = M.at + M.restMs
  table.insert(ended, address)
  table.insert(ended, M.at + M.restMs)
end

function M.flushRests(ended)
  if #ended == 0 then return end
  local page = M.restPage(math.floor(M.at / M.restMs))
  M.callMany('HSET', page, ended)
  redis.call('PEXPIRE', M.key(page), M.restMs * 3)
end

function M.restUntil(address)
  local till = M.rests[address] or 0
  return till > M.at and till or 0
end
