-- Marks accounts in state stored as indexed.
-- KEYS[1] prefix. ARGV: time, accounts (JSON).
-- Returns how many were marked.
-- Invariant: an account in any other state keeps it.
--!include store records fates log job-packing jobs claims ages flush-jobs finish joining chains rests hold failures letters bury leases ledger
local marked, accounts = 0, cjson.decode(ARGV[2])
loadEntries(accounts)
for _, account in ipairs(accounts) do
  local entry = entryAt(account)
  if entry and entry.s == STORED then
    add('a' .. STORED, -1)
    add('a' .. INDEXED, 1)
    entry.s = INDEXED
    redis.call('ZREM', key('state:' .. STORED), account)
    redis.call('ZADD', key('state:' .. INDEXED), entry.wa, account)
    redis.call('HSET', key('ledger'), account, cjson.encode(entry))
    marked = marked + 1
  end
end
finish()
return marked
