-- Ledger entries by account, packed: s(tate code, 1), ra (read at, 6), wa (written at, 6), k (token, 7), m(odified at, 6; 0 = unknown),
-- c(hild count, 4), h(ash of the children), f(ingerprint), r(ef of the sink), t(itle), each 2 + n, '' = none.
-- Invariant, kept by flushEntries alone: `accounts` holds every account; `state:` each one under its state, but for those that are
-- indexed, as nearly all are, or intended, as each is for a moment: nobody asks for these in a hurry.
M.INTENDED, M.STORED, M.INDEXED, M.REMOVING, M.REMOVED = 0, 1, 2, 3, 4
M.ORDERED = { [M.STORED] = true, [M.REMOVING] = true, [M.REMOVED] = true }
M.ENTRY = '>BI6I6I7I6I4Hc0Hc0Hc0Hc0'
M.entries, M.written = {}, {}

function M.unpackEntry(packed)
  local s, ra, wa, k, m, c, h, f, r, t = struct.unpack(M.ENTRY, packed)
  return { s = s, ra = ra, wa = wa, k = k, m = m, c = c, h = h, f = f, r = r, t = t, was = s }
end

function M.loadEntries(accounts)
  for first = 1, #accounts, M.ARGUMENTS_MAX do
    local last = math.min(#accounts, first + M.ARGUMENTS_MAX - 1)
    local found = redis.call('HMGET', M.key('ledger'), unpack(accounts, first, last))
    for index = 1, last - first + 1 do
      M.entries[accounts[first + index - 1]] = found[index] and M.unpackEntry(found[index]) or false
    end
  end
end

function M.entryAt(account)
  if M.entries[account] == nil then M.loadEntries({ account }) end
  return M.entries[account] or nil
end

-- A lease that was given before the account was distrusted (distrust.lua) may have written too early: its write says nothing.
function M.writeEntry(account, entry)
  local before = M.entries[account]
  if before and entry.k < before.k then entry.s, entry.f, entry.k = M.INTENDED, '', before.k end
  entry.was = before and before.was
  M.entries[account] = entry
  M.written[account] = true
end

function M.flushEntries()
  local sets, new = {}, {}
  for account in pairs(M.written) do
    local e = M.entries[account]
    if e.was then M.add('a' .. e.was, -1) else new[#new + 1], new[#new + 2] = 0, account end
    M.add('a' .. e.s, 1)
    if e.was and e.was ~= e.s and M.ORDERED[e.was] then redis.call('ZREM', M.key('state:' .. e.was), account) end
    if M.ORDERED[e.s] then redis.call('ZADD', M.key('state:' .. e.s), e.wa, account) end
    sets[#sets + 1] = account
    sets[#sets + 1] = struct.pack(M.ENTRY, e.s, e.ra, e.wa, e.k, e.m, e.c, #e.h, e.h, #e.f, e.f, #e.r, e.r, #e.t, e.t)
  end
  M.callMany('HSET', 'ledger', sets)
  M.callMany('ZADD', 'accounts', new)
end

-- A snapshot read before the one last written must not replace it. Within one lease the read times tell; a later lease has
-- read later by construction, whatever a clock that was set back says. The right to write is the lease on the account's own job.
function M.mayWrite(was, request)
  if not M.heldJob('s' .. request.account, request.epoch, request.id, request.token) then return false end
  return not was or request.readAt >= was.ra or request.token > was.k
end
