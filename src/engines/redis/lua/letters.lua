-- Dead letters, newest first; or those that a name means.
-- KEYS[1] prefix. ARGV: time, most, name ('' = all).
-- Returns per letter: what it is (JSON), its failures (JSON), its newest reasons (bodies, newest first).
-- Invariant: changes nothing.
--!include store records fates log job-packing jobs joining chains failures letters bury letter-view
local found = ARGV[3] == '' and M.newestLetters(tonumber(ARGV[2])) or M.lettersNamed(ARGV[3])
local views = {}
for index, address in ipairs(found) do
  if index > tonumber(ARGV[2]) then break end
  views[index] = M.letterView(address, M.letterAt(address))
end
return views
