-- Adds to counters.
-- KEYS[1] prefix. ARGV: time, additions (JSON: name → by).
-- Returns how many names there were.
-- Invariant: all additions of a call, or none.
local names = 0
for name, by in pairs(cjson.decode(ARGV[2])) do
  redis.call('HINCRBY', KEYS[1] .. ':counters', name, by)
  names = names + 1
end
return names
