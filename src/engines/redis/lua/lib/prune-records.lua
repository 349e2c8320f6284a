-- Forgets single records and whole pages of the log.
local function isOld(seq, record, cutoff)
  local fate, settledAt = fateOf(seq)
  if fate == QUEUED or fate == DEAD then return false end
  return settledAt < cutoff and struct.unpack('>I6', record, 7) < cutoff
end

local function forgetRecord(seq, record)
  local hash = hashOf(record)
  if hash then
    local field = hash:sub(1, 6)
    if tonumber(redis.call('HGET', key('dedup'), field)) == seq then redis.call('HDEL', key('dedup'), field) end
  end
  if isEvent(record) then redis.call('SREM', key('ids:' .. struct.unpack('>H', record, 14)), seq) end
  add('rows', -1)
end

local function isPageWhole(page) return (page + 1) * PAGE <= totals.seq end

-- Fates go with the last of their pages of records.
local function forgetPage(page)
  redis.call('UNLINK', key(logPage(page)))
  local fates = floor(page * PAGE / FATE_PAGE)
  local pages = {}
  for its = fates * FATE_PAGE / PAGE, (fates + 1) * FATE_PAGE / PAGE - 1 do
    if not isPageWhole(its) then return end
    pages[#pages + 1] = key(logPage(its))
  end
  if redis.call('EXISTS', unpack(pages)) == 0 then redis.call('UNLINK', key(string.format('fate:%.0f', fates))) end
end

-- Forgets what is old on a page. Returns how many records are left on it.
local function prunePage(page, records, cutoff)
  local left = 0
  for index, record in ipairs(records) do
    local seq = page * PAGE + index - 1
    if record ~= '' and isOld(seq, record, cutoff) then
      forgetRecord(seq, record)
      redis.call('LSET', key(logPage(page)), index - 1, '')
    elseif record ~= '' then
      left = left + 1
    end
  end
  return left
end
