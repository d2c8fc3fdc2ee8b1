-- For wrk: sends the requests of a file in turn, and tells how that went as one line of JSON.
-- The second argument says with which request to begin. NUMBER, in a request, is another one each time.
local NUMBER = "00000000"
local requests, sent, is_numbered = {}, 0, false

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for one in file:read("*a"):gmatch("%Z+") do
    requests[#requests + 1] = one
  end
  file:close()
  sent = tonumber(args[2])
  is_numbered = requests[1]:find(NUMBER, 1, true) ~= nil
end

function request()
  sent = sent + 1
  local one = requests[(sent - 1) % #requests + 1]
  if is_numbered then
    one = one:gsub(NUMBER, string.format("%08d", sent % 100000000))
  end
  return one
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "failures": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
