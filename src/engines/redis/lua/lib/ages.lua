-- Oldest events of a lane by the second: a count of the jobs and the least of each. A settled least is forgotten with its second.
local ageBy, ageLeast = { r = {}, s = {}, i = {} }, { r = {}, s = {}, i = {} }

local function age(lane, event, by)
  if not event then return end
  local second, changes = floor(event / 1000), ageBy[lane]
  changes[second] = (changes[second] or 0) + by
  if by > 0 then ageLeast[lane][second] = min(ageLeast[lane][second] or event, event) end
end

local function flushAges()
  for _, lane in ipairs(LANES) do
    for second, by in pairs(ageBy[lane]) do
      if redis.call('HINCRBY', key('age-counts:' .. lane), second, by) <= 0 then
        redis.call('HDEL', key('age-counts:' .. lane), second)
        redis.call('ZREM', key('ages:' .. lane), second)
      elseif ageLeast[lane][second] then
        redis.call('ZADD', key('ages:' .. lane), 'LT', ageLeast[lane][second], second)
      end
    end
    ageBy[lane], ageLeast[lane] = {}, {}
  end
end
