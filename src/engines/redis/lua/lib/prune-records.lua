-- Forgets single records and whole pages of the log.
M.AHEAD_MAX = 3600000

-- A receiver's clock may be far ahead: such a record is as old as its fate.
function M.isYoung(record, cutoff)
  if record == '' then return false end
  local received = struct.unpack('>I6', record, 7)
  return received >= cutoff and received <= M.now + M.AHEAD_MAX
end

function M.isOld(seq, record, cutoff)
  local fate, settledAt = M.fateOf(seq)
  if fate == M.QUEUED or fate == M.DEAD then return false end
  return settledAt < cutoff and not M.isYoung(record, cutoff)
end

function M.forgetRecord(seq, record)
  local hash = M.hashOf(record)
  if hash then
    local field = hash:sub(1, 6)
    if tonumber(redis.call('HGET', M.key('dedup'), field)) == seq then redis.call('HDEL', M.key('dedup'), field) end
  end
  M.add('rows', -1)
end

function M.isPageWhole(page) return (page + 1) * M.PAGE <= M.totals.seq end

-- Forgets what stands beside `size` records, with the last of their pages.
function M.forgetBeside(page, size, keyOf)
  local first, pages = math.floor(page * M.PAGE / size) * size / M.PAGE, {}
  for its = first, first + size / M.PAGE - 1 do
    if not M.isPageWhole(its) then return end
    pages[#pages + 1] = M.key(M.logPage(its))
  end
  if redis.call('EXISTS', unpack(pages)) == 0 then redis.call('UNLINK', keyOf(page * M.PAGE)) end
end

function M.forgetPage(page)
  redis.call('UNLINK', M.key(M.logPage(page)))
  M.forgetBeside(page, M.FATE_PAGE, M.fatePage)
  M.forgetBeside(page, M.ID_PAGE, M.idPage)
end

-- Forgets what is old on a page. Returns how many records are left on it.
function M.prunePage(page, records, cutoff)
  local left = 0
  for index, record in ipairs(records) do
    local seq = page * M.PAGE + index - 1
    if record ~= '' and M.isOld(seq, record, cutoff) then
      M.forgetRecord(seq, record)
      redis.call('LSET', M.key(M.logPage(page)), index - 1, '')
    elseif record ~= '' then
      left = left + 1
    end
  end
  return left
end
