-- The log of reasons: pages of 32 records in a list each, which takes a third of the space of a hash and is changed in place.
local PAGE, MANY = 32, 4
local newRecords = {}
local firstNewSeq = totals.seq

local function logPage(page) return string.format('log:%.0f', page) end

-- Reads whole pages where many of their records are wanted.
local pages = {}
local function loadRecords(seqs)
  local wanted = {}
  for _, seq in ipairs(seqs) do
    local page = floor(seq / PAGE)
    wanted[page] = (wanted[page] or 0) + 1
    if wanted[page] == MANY and seq < firstNewSeq then pages[page] = redis.call('LRANGE', key(logPage(page)), 0, -1) end
  end
end

local function recordAt(seq)
  if seq >= firstNewSeq then return newRecords[seq] end
  local page = pages[floor(seq / PAGE)]
  if page then return page[seq % PAGE + 1] ~= '' and page[seq % PAGE + 1] or nil end
  local record = redis.call('LINDEX', key(logPage(floor(seq / PAGE))), seq % PAGE)
  return record and record ~= '' and record or nil
end

local function setRecord(seq, record)
  if seq >= firstNewSeq then
    newRecords[seq] = record
    return
  end
  redis.call('LSET', key(logPage(floor(seq / PAGE))), seq % PAGE, record)
  local page = pages[floor(seq / PAGE)]
  if page then page[seq % PAGE + 1] = record end
end

local function appendRecord(body, before)
  local seq = totals.seq
  totals.seq = seq + 1
  totals.rows = totals.rows + 1
  newRecords[seq] = struct.pack('>I6', before) .. body
  return seq
end

local function flushLog()
  flushFates()
  local page, records
  for seq = firstNewSeq, totals.seq - 1 do
    local its = floor(seq / PAGE)
    if its ~= page then
      if page then callMany('RPUSH', logPage(page), records) end
      page, records = its, {}
    end
    records[#records + 1] = newRecords[seq]
  end
  if page then callMany('RPUSH', logPage(page), records) end
end
