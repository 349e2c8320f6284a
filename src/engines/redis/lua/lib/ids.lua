-- Where an event is found by its id: two bytes of the id's hash, its mark, stand for each record at the record's place. 0 = no event.
-- They are read through, a thousand records at a time: a million in some milliseconds, at a tenth of what sets of numbers take.
M.ID_PAGE = 1024
M.marks = {}

function M.idPage(seq) return M.key(string.format('ids:%.0f', math.floor(seq / M.ID_PAGE))) end

-- Writes the marks of the records that this script has appended, all of them events.
function M.flushMarks()
  local from = M.firstNewSeq
  while from < M.totals.seq do
    local last = math.min(M.totals.seq, (math.floor(from / M.ID_PAGE) + 1) * M.ID_PAGE) - 1
    redis.call('SETRANGE', M.idPage(from), from % M.ID_PAGE * 2, table.concat(M.marks, '', from, last))
    from = last + 1
  end
end

-- Calls visit(seq) for each record of a mark on the page of `first`, the number of its first record.
function M.eachMarked(first, mark, visit)
  local marks = redis.call('GET', M.idPage(first))
  local at = marks and marks:find(mark, 1, true)
  while at do
    if at % 2 == 1 then visit(first + (at - 1) / 2) end
    at = marks:find(mark, at + 1, true)
  end
end
