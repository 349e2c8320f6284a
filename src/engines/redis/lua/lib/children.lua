-- Which account each record was last seen under (`parents`), and what was last seen under each account (`children`; it may still
-- name records that have moved since: `parents` is right).
local function childrenOf(account)
  local records = {}
  for record in (redis.call('HGET', key('children'), account) or ''):gmatch('[^\n]+') do records[#records + 1] = record end
  return records
end

local function ownersOf(records)
  local owners = {}
  for first = 1, #records, ARGUMENTS_MAX do
    local last = min(#records, first + ARGUMENTS_MAX - 1)
    local found = redis.call('HMGET', key('parents'), unpack(records, first, last))
    for index = 1, last - first + 1 do owners[records[first + index - 1]] = found[index] end
  end
  return owners
end

-- Makes `records` the account's children. Returns the accounts that lost one, each once.
local function replaceChildren(account, records)
  local before, owners, sets, gone, displaced = childrenOf(account), ownersOf(records), {}, {}, {}
  local isChild = {}
  for _, record in ipairs(records) do
    isChild[record] = true
    local owner = owners[record]
    if owner ~= account then
      if owner then displaced[owner] = true end
      sets[#sets + 1], sets[#sets + 2] = record, account
    end
  end
  local owned = ownersOf(before)
  for _, record in ipairs(before) do
    if not isChild[record] and owned[record] == account then gone[#gone + 1] = record end
  end
  callMany('HSET', 'parents', sets)
  callMany('HDEL', 'parents', gone)
  if #records == 0 then redis.call('HDEL', key('children'), account)
  else redis.call('HSET', key('children'), account, table.concat(records, '\n')) end
  local lost = {}
  for owner in pairs(displaced) do lost[#lost + 1] = owner end
  return lost
end
