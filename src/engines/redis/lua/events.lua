-- The records in which an event may be found, with their fates.
-- KEYS[1] prefix. ARGV: time, id buckets (JSON), most looked at.
-- Returns per record: body, fate, settled at (epoch ms; 0 = not settled). The caller compares the ids.
-- Invariant: changes nothing.
--!include store records fates log
local found, seen = {}, {}
for _, bucket in ipairs(cjson.decode(ARGV[2])) do
  for _, member in ipairs(redis.call('SMEMBERS', M.key('ids:' .. bucket))) do
    local seq = tonumber(member)
    local record = not seen[seq] and #found < tonumber(ARGV[3]) and M.recordAt(seq)
    seen[seq] = true
    if record then
      local fate, settledAt = M.fateOf(seq)
      found[#found + 1] = { record:sub(7), fate, string.format('%.0f', settledAt) }
    end
  end
end
return found
