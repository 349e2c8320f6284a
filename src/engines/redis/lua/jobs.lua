-- The jobs of a key in every lane, live and dead.
-- KEYS[1] prefix. ARGV: time, key.
-- Returns JSON per job, and its failures (JSON, '' = none).
-- Invariant: changes nothing.
--!include store records fates log job-packing jobs joining chains failures letters bury
local views = {}
local function view(address, job, its)
  local run, next = job.run, job.next
  its.lane, its.epoch, its.id, its.rank, its.attempt = address:sub(1, 1), M.totals.epoch, job.id, run.rank, job.attempt
  its.reasonCount = run.count + (next and next.count or 0)
  views[#views + 1] = { cjson.encode(its), job.failures or '' }
end
for _, lane in ipairs(M.LANES) do
  local address = lane .. ARGV[2]
  local job, letter = M.jobAt(address), M.letterAt(address)
  if job then
    local isLeased = job.state == M.LEASED
    local state = isLeased and 'leased' or job.run.due <= M.at and 'ready' or 'delayed'
    view(address, job, { state = state, due = M.wall(job.run.due), expires = isLeased and M.wall(job.lease.expires) or nil })
  end
  if letter then view(address, letter, { state = 'dead', due = M.wall(letter.failedAt) }) end
end
return views
