-- One reason of a job, packed: the number of the one before it in its job's chain (6 bytes, 0 = none) and the body as the caller packed it:
-- receivedAt (6), flags (1: 1 = has a dedup hash, 4 = an event, 8 = the address is shortened), hash (16, if any), address (2 + n), then
-- what only callers read.
function M.beforeOf(record) return (struct.unpack('>I6', record)) end
function M.isEvent(record) return record:byte(13) % 8 >= 4 end

-- The dedup hash of a record that has one.
function M.hashOf(record) return record:byte(13) % 2 == 1 and record:sub(14, 29) or nil end

-- The same record at another place in another job's chain.
function M.movedRecord(record, before, address)
  local start, flags = record:byte(13) % 2 == 1 and 30 or 14, record:byte(13) % 8
  local rest = record:sub(start + 2 + struct.unpack('>H', record, start))
  return struct.pack('>I6', before) .. record:sub(7, 12) .. string.char(flags) .. record:sub(14, start - 1)
    .. struct.pack('>Hc0', #address, address) .. rest
end
