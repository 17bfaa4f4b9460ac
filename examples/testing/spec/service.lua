--- What the specs share: the service that the client asks, in two forms, and a
-- client of it. All of it is taken down at the end of the test, the last first.

local prices = require "prices"
local testing = require "weft.testing"
local weft = require "weft"

local service = {}

-- Answers the lines of one connection by `answers`: the line for each good, or
-- a function that makes it, which may wait.
local function serve(stream, answers, asked)
  for line in stream:lines() do
    local good = line:match "^GET (%S+)$"
    asked[#asked + 1] = good
    local answer = answers[good] or "NONE"
    if type(answer) == "function" then answer = answer(#asked) end
    if answer == "hang up" then return end
    stream:write(answer, "\n")
  end
end

--- A server on a port of this machine, for tests on the real clock. Its `asked`
-- lists the goods it was asked for.
function service.listen(answers)
  local asked = {}
  local server = testing.serve(function(stream)
    serve(stream, answers, asked)
  end)
  server.asked = asked
  return server
end

--- What connects to a service in memory, which takes no time: for tests on the
-- virtual clock. Also the list of what it was asked for. The answers may suffer
-- `faults` on their way.
function service.in_memory(answers, faults)
  local asked = {}
  return testing.async_stub(function()
    local near, far = testing.stream_pair({}, faults)
    local task = weft.spawn("service", weft.try, weft.with, far, function()
      serve(far, answers, asked)
    end)
    testing.defer(task.cancel, task)
    return near
  end), asked
end

--- A client until the end of the test.
function service.client(connect, opts)
  return testing.use(prices.new(connect, opts))
end

return service
