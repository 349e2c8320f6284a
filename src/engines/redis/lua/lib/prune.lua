-- Deletes old history, a bounded piece at a time. Pages are looked at once, in order; one that still holds an unsettled or dead
-- reason is remembered in `held-pages` and looked at again later.
local PAGES, IDLE, BUSY = 16, 1000, 50
local TOMBSTONE, TOMBSTONES = 90 * 86400000, 100

local function pruneForward(cutoff)
  for _ = 1, PAGES do
    local page = totals.pruned
    local records = redis.call('LRANGE', key(logPage(page)), 0, -1)
    local first = records[1]
    if not first or (first ~= '' and struct.unpack('>I6', first, 7) >= cutoff) then return false end
    local left = prunePage(page, records, cutoff)
    if not isPageWhole(page) then return false end
    if left == 0 then forgetPage(page) else redis.call('RPUSH', key('held-pages'), page) end
    totals.pruned = page + 1
  end
  return true
end

local function pruneHeld(cutoff)
  local page = tonumber(redis.call('LMOVE', key('held-pages'), key('held-pages'), 'LEFT', 'RIGHT') or nil)
  if not page then return end
  if prunePage(page, redis.call('LRANGE', key(logPage(page)), 0, -1), cutoff) == 0 then
    forgetPage(page)
    redis.call('RPOP', key('held-pages'))
  end
end

local function pruneTombstones()
  local old = redis.call('ZRANGEBYSCORE', key('state:4'), '-inf', '(' .. string.format('%.0f', now - TOMBSTONE), 'LIMIT', 0, TOMBSTONES)
  if #old == 0 then return end
  callMany('HDEL', 'ledger', old)
  callMany('ZREM', 'accounts', old)
  callMany('ZREM', 'state:4', old)
  add('a4', -#old)
end

-- `window` is the dedup window: what lies within it is never cut, whatever the bound on rows says.
local function prune(window, history, rowsMax)
  if at < totals.pruneAt then return end
  local cutoff = now - (totals.rows > rowsMax and window or max(window, history))
  local isBusy = pruneForward(cutoff)
  pruneHeld(cutoff)
  pruneTombstones()
  totals.pruneAt = at + (isBusy and BUSY or IDLE)
end
