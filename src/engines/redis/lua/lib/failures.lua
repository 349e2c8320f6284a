-- A job's failures as JSON, oldest first; the oldest fall out.
M.FAILURES_MAX = 10

function M.addFailure(job, failure)
  local failures = job.failures and cjson.decode(job.failures) or {}
  failures[#failures + 1] = { code = failure.code, message = failure.message, attempt = job.attempt, failedAt = M.now }
  while #failures > M.FAILURES_MAX do table.remove(failures, 1) end
  return cjson.encode(failures)
end

function M.mergeFailures(older, newer)
  if not older or not newer then return older or newer end
  local failures = cjson.decode(older)
  for _, failure in ipairs(cjson.decode(newer)) do failures[#failures + 1] = failure end
  while #failures > M.FAILURES_MAX do table.remove(failures, 1) end
  return cjson.encode(failures)
end
