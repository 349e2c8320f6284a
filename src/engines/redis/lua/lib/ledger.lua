-- Ledger entries by account, as JSON: s(tate code), f(ingerprint), r(ef of the sink), ra (read at), wa (written at), m(odified at),
-- t(itle), c(hild count), h(ash of the children), k (token, as text: it has more digits than JSON keeps).
-- Invariant, kept by writeEntry alone: `accounts` holds every account, `state:` each one under its state.
local INTENDED, STORED, INDEXED, REMOVING, REMOVED = 0, 1, 2, 3, 4
local entries = {}

local function loadEntries(accounts)
  for first = 1, #accounts, ARGUMENTS_MAX do
    local last = min(#accounts, first + ARGUMENTS_MAX - 1)
    local found = redis.call('HMGET', key('ledger'), unpack(accounts, first, last))
    for index = 1, last - first + 1 do
      entries[accounts[first + index - 1]] = found[index] and cjson.decode(found[index]) or false
    end
  end
end

local function entryAt(account)
  if entries[account] == nil then loadEntries({ account }) end
  return entries[account] or nil
end

local function writeEntry(account, entry)
  local was = entryAt(account)
  if was then
    add('a' .. was.s, -1)
    if was.s ~= entry.s then redis.call('ZREM', key('state:' .. was.s), account) end
  else
    redis.call('ZADD', key('accounts'), 0, account)
  end
  add('a' .. entry.s, 1)
  redis.call('ZADD', key('state:' .. entry.s), entry.wa, account)
  redis.call('HSET', key('ledger'), account, cjson.encode(entry))
  entries[account] = entry
end

-- The right is the lease on the account's own job, and it must hold at this very moment.
local function mayWrite(request)
  return heldJob('s' .. request.a, request.epoch, request.id, tonumber(request.k)) ~= nil
end

-- A snapshot read before the one last written must not replace it. Within one lease the read times tell; a later lease has
-- read later by construction, whatever a clock that was set back says.
local function isOlderRead(was, request)
  return was and request.ra < was.ra and tonumber(request.k) <= tonumber(was.k)
end
