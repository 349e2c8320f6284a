-- Which account each record was last seen under (`parents`), and what was last seen under each account (`children`; it may still
-- name records that have moved since: `parents` is right).
M.owners, M.parentSets, M.parentsGone, M.childrenSets = {}, {}, {}, {}

function M.recordsIn(text)
  local records = {}
  for record in text:gmatch('[^\n]+') do records[#records + 1] = record end
  return records
end

function M.childrenOf(account)
  return M.recordsIn(redis.call('HGET', M.key('children'), account) or '')
end

function M.loadOwners(records)
  for first = 1, #records, M.ARGUMENTS_MAX do
    local last = math.min(#records, first + M.ARGUMENTS_MAX - 1)
    local found = redis.call('HMGET', M.key('parents'), unpack(records, first, last))
    for index = 1, last - first + 1 do
      local record = records[first + index - 1]
      if M.owners[record] == nil then M.owners[record] = found[index] end
    end
  end
end

-- Makes `records` the account's children, whose owners are loaded. Returns the accounts that lost one, each once.
function M.replaceChildren(account, records, hadChildren)
  local isChild, displaced, lost = {}, {}, {}
  for _, record in ipairs(records) do
    isChild[record] = true
    local owner = M.owners[record]
    if owner ~= account then
      if owner and not displaced[owner] then
        displaced[owner] = true
        lost[#lost + 1] = owner
      end
      M.owners[record] = account
      M.parentSets[record] = account
      M.parentsGone[record] = nil
    end
  end
  local before = hadChildren and M.childrenOf(account) or {}
  M.loadOwners(before)
  for _, record in ipairs(before) do
    if not isChild[record] and M.owners[record] == account then
      M.owners[record] = false
      M.parentSets[record], M.parentsGone[record] = nil, true
    end
  end
  M.childrenSets[account] = #records > 0 and table.concat(records, '\n') or false
  return lost
end

function M.flushChildren()
  local gone, without, sets, lists = {}, {}, {}, {}
  for record in pairs(M.parentsGone) do gone[#gone + 1] = record end
  for record, account in pairs(M.parentSets) do sets[#sets + 1], sets[#sets + 2] = record, account end
  for account, list in pairs(M.childrenSets) do
    if list then lists[#lists + 1], lists[#lists + 2] = account, list else without[#without + 1] = account end
  end
  M.callMany('HDEL', 'parents', gone)
  M.callMany('HSET', 'parents', sets)
  M.callMany('HDEL', 'children', without)
  M.callMany('HSET', 'children', lists)
end
