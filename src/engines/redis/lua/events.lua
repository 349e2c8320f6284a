-- The records in which an event may be found, with their fates.
-- KEYS[1] prefix. ARGV: time, marks of its id (JSON), most looked at.
-- Returns per record: body, fate, settled at (epoch ms; 0 = not settled). The caller compares the ids.
-- Invariant: changes nothing.
--!include store records fates log ids
local found, marks = {}, {}
for index, mark in ipairs(cjson.decode(ARGV[2])) do marks[index] = struct.pack('>H', mark) end

local function visit(seq)
  local record = #found < tonumber(ARGV[3]) and M.recordAt(seq)
  if not record then return end
  local fate, settledAt = M.fateOf(seq)
  found[#found + 1] = { record:sub(7), fate, string.format('%.0f', settledAt) }
end

local function look(first)
  for _, mark in ipairs(marks) do M.eachMarked(first, mark, visit) end
end

-- What pruning has passed and left because it was held, then all that it has not come to.
local from, looked = math.floor(M.totals.pruned * M.PAGE / M.ID_PAGE) * M.ID_PAGE, {}
for _, page in ipairs(redis.call('LRANGE', M.key('held-pages'), 0, -1)) do
  local first = math.floor(page * M.PAGE / M.ID_PAGE) * M.ID_PAGE
  if first < from and not looked[first] then look(first) end
  looked[first] = true
end
for first = from, M.totals.seq - 1, M.ID_PAGE do look(first) end
return found
