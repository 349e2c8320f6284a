-- A run's reasons are a chain: `tail` is the newest, and each record names the one before it, up to `head`.
-- Adds the newer chain behind the older one; `run` gets both.
function M.joinChains(run, older, newer)
  if older.count == 0 or newer.count == 0 then
    local only = older.count == 0 and newer or older
    run.head, run.tail, run.count, run.events = only.head, only.tail, only.count, only.events
    return
  end
  M.setRecord(newer.head, struct.pack('>I6', older.tail) .. M.recordAt(newer.head):sub(7))
  local head, tail = older.head, newer.tail
  run.count, run.events = older.count + newer.count, older.events + newer.events
  run.head, run.tail = head, tail
end

-- One run that answers both, due at `due`.
function M.mergedRun(run, next, due)
  if next then
    run.rank, run.first, run.event = math.min(run.rank, next.rank), math.min(run.first, next.first), M.earliest(run.event, next.event)
    M.joinChains(run, run, next)
  end
  run.due = due
  return run
end

-- Adds a record to a run.
function M.addReason(run, body, isAnEvent)
  local seq = M.appendRecord(body, run.tail)
  if run.count == 0 then run.head = seq end
  run.tail, run.count = seq, run.count + 1
  if isAnEvent then run.events = run.events + 1 end
  return seq
end

-- The records of a chain, newest first: calls visit(seq, record) at most `most` times. Where the chain's records lie close together their
-- whole page is read at once; only one is kept. What a visit writes is seen by later walks.
function M.eachReason(run, most, visit)
  local seq, newer, at, records = run.tail, nil, nil, nil
  for _ = 1, math.min(run.count, most) do
    local page = math.floor(seq / M.PAGE)
    if page ~= at then
      at, records = page, nil
    elseif not records and newer - seq < M.MANY and seq < M.firstNewSeq and not M.pages[page] then
      records = redis.call('LRANGE', M.key(M.logPage(page)), 0, -1)
    end
    local record = M.recordAt(seq, records)
    if not record then return end
    visit(seq, record)
    newer, seq = seq, M.beforeOf(record)
  end
end
