-- A server for a test.
local weft = require "weft"
local finalizers = require "weft.testing.finalizers"
local testing = require "weft.testing"
local loopback = require "spec.loopback"
local server = require "weft.testing.server"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local function echo(stream)
  for bytes in function() return stream:read() end do stream:write(bytes) end
end

describe("testing.serve", function()
  it("serves on a port that is free, until the end of the test", function()
    server.serve(echo):connect():write "x" -- makes what is kept in reserve
    weft.yield()
    finalizers.run()
    local before = loopback.descriptors()
    local echoes = server.serve(echo)
    local stream = weft.net.connect(echoes.address)
    stream:write "hello"
    assert.equal("hello", stream:read_exactly(5))
    stream:close()
    finalizers.run()
    assert.equal(before, (loopback.descriptors()))
    fails("OSError", weft.net.connect, echoes.address)
  end)

  it("connects to itself, with a stream that the test's end closes", function()
    local echoes = server.serve(echo)
    local stream = echoes:connect()
    stream:write "a"
    assert.equal("a", stream:read())
    assert.equal(("127.0.0.1:%d"):format(echoes.port), stream:peer())
    finalizers.run()
    fails("ClosedError", stream.read, stream)
  end)

  it("counts its connections", function()
    local echoes = server.serve(echo)
    assert.same({ 0, 0 }, { echoes:count(), echoes:active() })
    local first, second = echoes:connect(), echoes:connect()
    for _, stream in ipairs { first, second } do
      stream:write "x"
      stream:read()
    end
    assert.same({ 2, 2 }, { echoes:count(), echoes:active() })
    first:shutdown()
    assert.is_nil(first:read())
    assert.same({ 2, 1 }, { echoes:count(), echoes:active() })
    finalizers.run()
    assert.equal(0, echoes:active())
  end)

  it("stops earlier if told to, with its handlers", function()
    local ended
    local sleepy = server.serve(function()
      weft.finally(weft.sleep_forever, function() ended = true end)
    end)
    local stream = sleepy:connect()
    weft.yield()
    sleepy:stop()
    assert.is_true(ended)
    assert.is_nil(stream:read())
    sleepy:stop() -- once more does nothing
    finalizers.run()
  end)

  it("lets at most so many handlers run at once", function()
    local most, now = 0, 0
    local slow = server.serve(function(stream)
      now = now + 1
      most = math.max(most, now)
      weft.sleep(1)
      stream:write "done"
      now = now - 1
    end, { limit = 2 })
    weft.each({ 1, 2, 3, 4, 5 }, function()
      local stream = weft.net.connect(slow.address)
      assert.equal("done", stream:read_all())
      stream:close()
    end)
    assert.equal(2, most)
    assert.equal(5, slow:count())
    finalizers.run()
  end)

  it("reports a handler's failure, and goes on serving [26.4]", function()
    local fragile = server.serve(function(stream)
      if stream:read() == "die" then error "broken" end
      stream:write "alive"
    end)
    for word, answer in pairs { die = "", live = "alive" } do
      local stream = fragile:connect()
      stream:write(word)
      assert.equal(answer, stream:read_all())
    end
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.truthy(reports[1].err.message:find("broken", 1, true))
    finalizers.run()
  end)

  it("refuses what it cannot use", function()
    refuses({ "handler", "nil" }, server.serve)
    refuses({ "limit", "number 0" }, server.serve, echo, { limit = 0 })
    refuses({ "tls", "boolean true" }, server.serve, echo, { tls = true })
    refuses({ "port" }, server.serve, echo, { port = 80 })
    assert.equal(0, finalizers.count())
  end)
end)
