-- Deletes dead letters for good; their events stay dead in the history.
-- KEYS[1] prefix. ARGV: time, most, names (JSON; '' = the newest).
-- Returns how many were deleted.
-- Invariant: live jobs are not touched.
--!include store records fates log job-packing jobs claims ages flush-jobs finish joining chains failures letters bury letter-view chosen-letters
M.ending()
local chosen = M.chosenLetters(tonumber(ARGV[2]), ARGV[3])
for _, address in ipairs(chosen) do M.closeLetter(address, M.letterAt(address), M.LET_GO) end
M.finish()
return #chosen
