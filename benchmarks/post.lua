-- wrk's request: a chat call, streamed when STREAM is 1
local stream = os.getenv("STREAM") == "1"
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. (os.getenv("KEY") or "none")
for name, value in (os.getenv("HEADERS") or ""):gmatch("([^:\n]+): ([^\n]+)") do
  wrk.headers[name] = value
end
wrk.body = '{"model":"bench","stream":' .. tostring(stream) ..
  ',"max_tokens":64,"messages":[{"role":"user","content":"Say twenty words about the weather."}]}'
function done(summary, latency)
  io.write(string.format("RESULT requests=%d duration_us=%d errors=%d p50_us=%d p99_us=%d\n",
    summary.requests, summary.duration,
    summary.errors.connect + summary.errors.read + summary.errors.status + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
