-- Puts dead letters back to ready, or into the live job of their address: attempts start anew, reasons and failures stay.
-- KEYS[1] prefix. ARGV: time, maximum wait, rest (ms), most, names (JSON; '' = the newest).
-- Returns how many were put back.
-- Invariant: each letter at most once; its events count against the capacity again.
--!include store records fates log job-packing jobs claims ages flush-jobs finish joining chains rests hold failures letters bury letter-view chosen-letters
M.growing()
M.maxWait, M.restMs = tonumber(ARGV[2]), tonumber(ARGV[3])

local function redrive(address, letter)
  local lane, old = address:sub(1, 1), letter.run
  M.eachReason(old, old.count, function(seq) M.setFate(seq, M.QUEUED) end)
  M.removeLetter(address, letter)
  M.add(M.UNSETTLED[lane], old.count)
  M.add('events', old.events)
  M.count('dead_letters_redriven')
  local live = M.jobAt(address)
  if not live then
    old.due = M.at
    return M.putJob(address, { id = letter.id, state = M.READY, attempt = 0, losses = 0, run = old, failures = letter.failures })
  end
  live.failures = M.mergeFailures(letter.failures, live.failures or nil)
  local run = M.hold(address, { rank = old.rank, delay = 0, first = old.first, event = old.event })
  M.joinChains(run, old, { head = run.head, tail = run.tail, count = run.count, events = run.events })
end

local chosen = M.chosenLetters(tonumber(ARGV[4]), ARGV[5])
M.loadJobs(chosen)
for _, address in ipairs(chosen) do redrive(address, M.letterAt(address)) end
M.finish()
return #chosen
