-- The jobs of a key in every lane, live and dead.
-- KEYS[1] prefix. ARGV: time, key.
-- Returns JSON per job, and its failures (JSON, '' = none).
-- Invariant: changes nothing.
--!include store records fates log job-packing jobs joining chains failures letters bury
local views = {}
local function view(address, job, its)
  local run, next = job.run, job.next
  its.lane, its.epoch, its.id, its.rank, its.attempt = address:sub(1, 1), totals.epoch, job.id, run.rank, job.attempt
  its.reasonCount = run.count + (next and next.count or 0)
  views[#views + 1] = { cjson.encode(its), job.failures or '' }
end
for _, lane in ipairs(LANES) do
  local address = lane .. ARGV[2]
  local job, letter = jobAt(address), letterAt(address)
  if job then
    local isLeased = job.state == LEASED
    local state = isLeased and 'leased' or job.run.due <= at and 'ready' or 'delayed'
    view(address, job, { state = state, due = wall(job.run.due), expires = isLeased and wall(job.lease.expires) or nil })
  end
  if letter then view(address, letter, { state = 'dead', due = wall(letter.failedAt) }) end
end
return views
