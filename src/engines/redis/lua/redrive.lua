-- Puts dead letters back to ready, or into the live job of their address: attempts start anew, reasons and failures stay.
-- KEYS[1] prefix. ARGV: time, maximum wait, rest (ms), most, names (JSON; '' = the newest).
-- Returns how many were put back.
-- Invariant: each letter at most once; its events count against the capacity again.
--!include store records fates log job-packing jobs claims ages flush-jobs finish joining chains rests hold failures letters bury letter-view chosen-letters
maxWait, restMs = tonumber(ARGV[2]), tonumber(ARGV[3])

local function redrive(address, letter)
  local lane, old = address:sub(1, 1), letter.run
  eachReason(old, old.count, function(seq) setFate(seq, QUEUED) end)
  removeLetter(address, letter)
  add(UNSETTLED[lane], old.count)
  add('events', old.events)
  count('dead_letters_redriven')
  local live = jobAt(address)
  if not live then
    old.due = at
    return putJob(address, { id = letter.id, state = READY, attempt = 0, losses = 0, run = old, failures = letter.failures })
  end
  live.failures = mergeFailures(letter.failures, live.failures or nil)
  local run = hold(address, { rank = old.rank, delay = 0, first = old.first, event = old.event })
  joinChains(run, old, { head = run.head, tail = run.tail, count = run.count, events = run.events })
end

local chosen = chosenLetters(tonumber(ARGV[4]), ARGV[5])
loadJobs(chosen)
for _, address in ipairs(chosen) do redrive(address, letterAt(address)) end
finish()
return #chosen
