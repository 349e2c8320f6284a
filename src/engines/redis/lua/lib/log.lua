-- The log of reasons: pages of 32 records in a list each, which takes a third of the space of a hash and is changed in place.
M.PAGE, M.MANY = 32, 4
M.newRecords = {}
M.firstNewSeq = M.totals.seq

function M.logPage(page) return string.format('log:%.0f', page) end

-- Reads whole pages where many of their records are wanted.
M.pages = {}
function M.loadRecords(seqs)
  local wanted = {}
  for _, seq in ipairs(seqs) do
    local page = math.floor(seq / M.PAGE)
    wanted[page] = (wanted[page] or 0) + 1
    if wanted[page] == M.MANY and seq < M.firstNewSeq then M.pages[page] = redis.call('LRANGE', M.key(M.logPage(page)), 0, -1) end
  end
end

-- The record, or nil; its page may be given.
function M.recordAt(seq, page)
  if seq >= M.firstNewSeq then return M.newRecords[seq] end
  page = page or M.pages[math.floor(seq / M.PAGE)]
  if page then return page[seq % M.PAGE + 1] ~= '' and page[seq % M.PAGE + 1] or nil end
  local record = redis.call('LINDEX', M.key(M.logPage(math.floor(seq / M.PAGE))), seq % M.PAGE)
  return record and record ~= '' and record or nil
end

function M.setRecord(seq, record)
  if seq >= M.firstNewSeq then
    M.newRecords[seq] = record
    return
  end
  redis.call('LSET', M.key(M.logPage(math.floor(seq / M.PAGE))), seq % M.PAGE, record)
  local page = M.pages[math.floor(seq / M.PAGE)]
  if page then page[seq % M.PAGE + 1] = record end
end

function M.appendRecord(body, before)
  local seq = M.totals.seq
  M.totals.seq = seq + 1
  M.totals.rows = M.totals.rows + 1
  M.newRecords[seq] = struct.pack('>I6', before) .. body
  return seq
end

function M.flushLog()
  M.flushFates()
  local page, records
  for seq = M.firstNewSeq, M.totals.seq - 1 do
    local its = math.floor(seq / M.PAGE)
    if its ~= page then
      if page then M.callMany('RPUSH', M.logPage(page), records) end
      page, records = its, {}
    end
    records[#records + 1] = M.newRecords[seq]
  end
  if page then M.callMany('RPUSH', M.logPage(page), records) end
end
