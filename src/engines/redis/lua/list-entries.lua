-- Ledger entries: a page in key order, or those in one state of which the store keeps the order, oldest first.
-- KEYS[1] prefix. ARGV: time, state code ('' = all), after (account; '' = from the start), most.
-- Returns account and entry (packed, see lib/ledger.lua) in turn.
-- Invariant: changes nothing.
--!include store
local accounts
if ARGV[2] == '' then
  accounts = redis.call('ZRANGEBYLEX', M.key('accounts'), ARGV[3] == '' and '-' or '(' .. ARGV[3], '+', 'LIMIT', 0, ARGV[4])
else
  accounts = redis.call('ZRANGE', M.key('state:' .. ARGV[2]), 0, tonumber(ARGV[4]) - 1)
end
local found = {}
for _, account in ipairs(accounts) do
  found[#found + 1] = account
  found[#found + 1] = redis.call('HGET', M.key('ledger'), account)
end
return found
