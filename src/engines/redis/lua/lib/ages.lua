-- Oldest events of a lane by the second: a count of the jobs and the least of each. A settled least is forgotten with its second.
M.ageBy, M.ageLeast = { r = {}, s = {}, i = {} }, { r = {}, s = {}, i = {} }

function M.age(lane, event, by)
  if not event then return end
  local second, changes = math.floor(event / 1000), M.ageBy[lane]
  changes[second] = (changes[second] or 0) + by
  if by > 0 then M.ageLeast[lane][second] = math.min(M.ageLeast[lane][second] or event, event) end
end

function M.flushAges()
  for _, lane in ipairs(M.LANES) do
    for second, by in pairs(M.ageBy[lane]) do
      if redis.call('HINCRBY', M.key('age-counts:' .. lane), second, by) <= 0 then
        redis.call('HDEL', M.key('age-counts:' .. lane), second)
        redis.call('ZREM', M.key('ages:' .. lane), second)
      elseif M.ageLeast[lane][second] then
        redis.call('ZADD', M.key('ages:' .. lane), 'LT', M.ageLeast[lane][second], second)
      end
    end
    M.ageBy[lane], M.ageLeast[lane] = {}, {}
  end
end
