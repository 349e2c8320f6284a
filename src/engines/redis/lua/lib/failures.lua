-- A job's failures as JSON, oldest first; the oldest fall out.
local FAILURES_MAX = 10

local function addFailure(job, failure)
  local failures = job.failures and cjson.decode(job.failures) or {}
  failures[#failures + 1] = { code = failure.code, message = failure.message, attempt = job.attempt, failedAt = now }
  while #failures > FAILURES_MAX do table.remove(failures, 1) end
  return cjson.encode(failures)
end

local function mergeFailures(older, newer)
  if not older or not newer then return older or newer end
  local failures = cjson.decode(older)
  for _, failure in ipairs(cjson.decode(newer)) do failures[#failures + 1] = failure end
  while #failures > FAILURES_MAX do table.remove(failures, 1) end
  return cjson.encode(failures)
end
