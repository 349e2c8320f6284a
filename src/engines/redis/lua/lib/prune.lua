-- Deletes old history, a bounded piece at a time. Pages are looked at once, in order; one that still holds an unsettled or dead
-- reason is remembered in `held-pages` and looked at again later.
M.PAGES, M.IDLE, M.BUSY = 16, 1000, 50
M.TOMBSTONE, M.TOMBSTONES = 90 * 86400000, 100

function M.pruneForward(cutoff)
  for _ = 1, M.PAGES do
    local page = M.totals.pruned
    local records = redis.call('LRANGE', M.key(M.logPage(page)), 0, -1)
    local first = records[1]
    if not first or M.isYoung(first, cutoff) then return false end
    local left = M.prunePage(page, records, cutoff)
    if not M.isPageWhole(page) then return false end
    if left == 0 then M.forgetPage(page) else redis.call('RPUSH', M.key('held-pages'), page) end
    M.totals.pruned = page + 1
  end
  return true
end

function M.pruneHeld(cutoff)
  local page = tonumber(redis.call('LMOVE', M.key('held-pages'), M.key('held-pages'), 'LEFT', 'RIGHT') or nil)
  if not page then return end
  if M.prunePage(page, redis.call('LRANGE', M.key(M.logPage(page)), 0, -1), cutoff) == 0 then
    M.forgetPage(page)
    redis.call('RPOP', M.key('held-pages'))
  end
end

function M.pruneTombstones()
  local old = redis.call('ZRANGEBYSCORE', M.key('state:4'), '-inf', '(' .. string.format('%.0f', M.now - M.TOMBSTONE), 'LIMIT', 0, M.TOMBSTONES)
  if #old == 0 then return end
  M.callMany('HDEL', 'ledger', old)
  M.callMany('ZREM', 'accounts', old)
  M.callMany('ZREM', 'state:4', old)
  M.add('a4', -#old)
end

-- `window` is the dedup window: what lies within it is never cut, whatever the bound on rows says.
function M.prune(window, history, rowsMax)
  if M.at < M.totals.pruneAt then return end
  local cutoff = M.now - (M.totals.rows > rowsMax and window or math.max(window, history))
  local isBusy = M.pruneForward(cutoff)
  M.pruneHeld(cutoff)
  M.pruneTombstones()
  M.totals.pruneAt = M.at + (isBusy and M.BUSY or M.IDLE)
end
