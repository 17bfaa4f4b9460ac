-- Tests that leave something behind, one of each kind.
local weft = require "weft"
local testing = require "weft.testing"

-- Not to be collected before the test has ended.
local kept = {}
local function keep(...) kept[#kept + 1] = { ... } end

local function listen()
  return weft.net.listen { host = "127.0.0.1", port = 0 }
end

describe("leaks", function()
  it("task", function()
    weft.spawn("reader", function() weft.queue():get() end)
  end)

  it("stream", function()
    local listener = listen()
    local port = listener:address():match ":(%d+)$"
    local here = weft.net.connect { host = "127.0.0.1", port = tonumber(port) }
    local there = listener:accept()
    listener:close()
    there:close()
    keep(here)
  end)

  it("pair", function() keep(testing.stream_pair()) end)

  it("pipe", function()
    local child = weft.process.spawn { "true", stdin = "pipe" }
    keep(child.stdin)
    child:wait()
  end)

  it("listener", function() keep(listen()) end)

  it("udp", function()
    keep(weft.net.udp { host = "127.0.0.1", port = 0 })
  end)

  it("file", function() keep(weft.fs.open("/dev/null", "r")) end)

  it("watch", function() keep(weft.fs.watch "/dev") end)

  it("signals", function() keep(weft.signals "USR1") end)

  it("generator", function()
    local count = weft.generator(function(yield)
      for i = 1, 3 do yield(i) end
    end)
    local numbers = count()
    numbers:next()
  end)

  it("process", function()
    keep(weft.process.spawn { "sleep", "60", stdin = "null", grace = 0 })
  end)

  it("thread", function()
    local waiting = weft.spawn("asker", weft.to_thread,
      { abandon_on_cancel = true }, function() os.execute "sleep 0.3" end)
    weft.sleep(0.05)
    waiting:cancel()
    pcall(waiting.await, waiting)
  end)

  it("executor", function() keep(weft.executor.threads { workers = 1 }) end)

  it("session", function() keep(weft.http.session()) end)

  it("call", function() keep(weft.call_later(30, print)) end)

  it("descriptor", function() keep(io.open "/dev/zero") end)

  it("failure", function()
    weft.spawn("loser", function() error "nobody looked" end)
    weft.yield()
  end)

  it("several", function()
    weft.spawn("first", weft.sleep_forever)
    weft.spawn("second", weft.sleep_forever)
    keep(io.open "/dev/zero")
  end)

  it("is not told where the test has failed", function()
    weft.spawn("unseen", weft.sleep_forever)
    error "the failure itself"
  end)

  it("is not looked for", testing.with({ leaks = false }, function()
    weft.spawn(weft.sleep_forever)
  end))

  it("ends by itself", function()
    local task = weft.spawn(weft.sleep_forever)
    weft.yield()
    task:cancel()
  end)
end)

describe("leaks of", function()
  before_each(function() weft.spawn("fixture", weft.sleep_forever) end)
  it("before_each", function() end)
end)

describe("leaks of what is not the test's", function()
  setup(function() weft.spawn("server", weft.sleep_forever) end)
  it("runs", function() end)
end)
