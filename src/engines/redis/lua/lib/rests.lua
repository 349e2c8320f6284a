-- A key rests for a while after a completed run. Rests are kept by generations of one rest's length each, which expire whole.
local restMs = 0
local rests = {}

local function restPage(generation) return string.format('rest:%.0f', generation) end

local function loadRests(addresses)
  if restMs <= 0 or #addresses == 0 then return end
  local generation = floor(at / restMs)
  for page = generation - 1, generation do
    for first = 1, #addresses, ARGUMENTS_MAX do
      local last = min(#addresses, first + ARGUMENTS_MAX - 1)
      local found = redis.call('HMGET', key(restPage(page)), unpack(addresses, first, last))
      for index = 1, last - first + 1 do
        if found[index] then rests[addresses[first + index - 1]] = tonumber(found[index]) end
      end
    end
  end
end

local function beginRest(address, ended)
  if restMs <= 0 then return end
  rests[address] = at + restMs
  table.insert(ended, address)
  table.insert(ended, at + restMs)
end

local function flushRests(ended)
  if #ended == 0 then return end
  local page = restPage(floor(at / restMs))
  callMany('HSET', page, ended)
  redis.call('PEXPIRE', key(page), restMs * 3)
end

local function restUntil(address)
  local till = rests[address] or 0
  return till > at and till or 0
end
