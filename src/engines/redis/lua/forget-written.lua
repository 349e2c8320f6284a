-- Forgets what was written last, of a page of accounts: the sink has been made anew.
-- KEYS[1] prefix. ARGV: time, after (account; '' = from the start), most.
-- Returns how many were forgotten, and the last account looked at ('' = there are no more).
-- Invariant: states and children stay.
--!include store
local from = ARGV[2] == '' and '-' or '(' .. ARGV[2]
local accounts, forgotten = redis.call('ZRANGEBYLEX', key('accounts'), from, '+', 'LIMIT', 0, ARGV[3]), 0
for _, account in ipairs(accounts) do
  local entry = cjson.decode(redis.call('HGET', key('ledger'), account))
  if entry.f ~= '' or entry.r then
    entry.f, entry.r = '', nil
    redis.call('HSET', key('ledger'), account, cjson.encode(entry))
    forgotten = forgotten + 1
  end
end
return { forgotten, accounts[#accounts] or '' }
