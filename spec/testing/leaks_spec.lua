-- What a test has left fails it: spec/failing/leaks.lua, shared.lua.
local busted_child = require "busted_child"

local told

-- The test's failure says all the pieces, and is told at its line.
local function fails(name, kind, ...)
  local entry = assert(told[name], "not told of: " .. name)
  assert.equal(kind, entry.kind)
  for _, piece in ipairs { ... } do
    assert.is_truthy(entry.message:find(piece, 1, true),
      "no '" .. piece .. "' in: " .. tostring(entry.message))
  end
end

local function leaves(name, ...)
  fails("leaks " .. name, "failure", "left at the end of the test", ...)
end

describe("weft.testing.leaks", function()
  setup(function() told = busted_child.failing("leaks").told end)

  it("names a task and what it waits for [30.6]", function()
    leaves("task", "task reader #2: waits for queue (to get)",
      "at spec/failing/leaks.lua:15, spawned at spec/failing/leaks.lua:15")
  end)

  it("names a task of before_each [30.6]", function()
    leaves("of before_each", "task fixture #2: waits for sleep")
  end)

  it("names a stream with its addresses and where it was made [30.6]",
    function()
      leaves("stream", "the stream from 127.0.0.1:", "to 127.0.0.1:",
        "opened at spec/failing/leaks.lua:21")
    end)

  it("names a stream in memory, and one that is a pipe [30.6]", function()
    leaves("pair", "the stream in memory, opened at spec/failing/leaks.lua:28")
    leaves("pipe", "the stream of a pipe or a terminal")
  end)

  it("names a listener and a UDP socket [30.6]", function()
    leaves("listener", "the listener on 127.0.0.1:",
      "opened at spec/failing/leaks.lua:36")
    leaves("udp", "the UDP socket on 127.0.0.1:",
      "opened at spec/failing/leaks.lua:39")
  end)

  it("names a file and a watch by their paths [30.6]", function()
    leaves("file", "the file /dev/null, opened at spec/failing/leaks.lua:42")
    leaves("watch", "the watch of /dev, opened at spec/failing/leaks.lua:44")
  end)

  it("names an iterator of signals [30.6]", function()
    leaves("signals",
      "an iterator of signals, opened at spec/failing/leaks.lua:46")
  end)

  it("names a generator that was left early [30.6]", function()
    leaves("generator",
      "a generator that was left early, opened at spec/failing/leaks.lua:52")
  end)

  it("names a process that runs [30.6]", function()
    leaves("process", "process ", ", opened at spec/failing/leaks.lua:57")
  end)

  it("names a thread that goes on [30.6]", function()
    leaves("thread", "a call of weft.to_thread that still runs")
  end)

  it("names an executor and an HTTP session [30.6]", function()
    leaves("executor", "an executor of worker threads, opened at")
    leaves("session", "an HTTP session, opened at")
  end)

  it("names a call that is still to come [30.6]", function()
    leaves("call", "a call that is due in 30 s",
      "opened at spec/failing/leaks.lua:72")
  end)

  it("names a descriptor that is not weft's [30.6]", function()
    leaves("descriptor", "descriptor ", ": /dev/zero")
  end)

  it("names all that is left [30.6]", function()
    leaves("several", "task first #2", "task second #3", ": /dev/zero")
  end)

  it("tells of failures nobody has looked at [30.6]", function()
    fails("leaks failure", "failure", "reported meanwhile",
      "task loser: failed, and nobody asked",
      "spec/failing/leaks.lua:77: nobody looked")
  end)

  it("does not tell of them where the test has failed", function()
    local entry = told["leaks is not told where the test has failed"]
    assert.equal("error", entry.kind)
    assert.is_nil(entry.message:find("left at the end", 1, true))
  end)

  it("does not look where it is told so", function()
    assert.equal("success", told["leaks is not looked for"].kind)
  end)

  it("gives what ends by itself the turns it needs", function()
    assert.equal("success", told["leaks ends by itself"].kind)
  end)

  it("says how to share what setup has left", function()
    fails("leaks of what is not the test's setup", "error",
      "left at the end of setup", "task server #2",
      "setup has a runtime of its own, which ends with it",
      "testing.options{shared = true}")
  end)
end)

describe("a describe that shares its runtime", function()
  setup(function() told = busted_child.failing("shared").told end)

  local function passes(name) assert.equal("success", told[name].kind) end

  it("has its tests use what setup has started", function()
    passes "shared uses the server"
    passes "shared uses it again"
    passes "shared inside uses it, too"
  end)

  it("goes on after tests that fail", function()
    fails("shared fails", "failure", "Expected objects to be equal")
    fails("shared times out", "error", "no end after 0.05 s",
      "spec/failing/shared.lua:25", "test #8: waits for sleep")
    passes "shared goes on"
  end)

  it("names what one test has left, for that one only", function()
    fails("shared leaves a task", "failure", "task left #6")
    assert.is_nil(told.shared)
  end)

  it("cancels the tasks that are left, and blames no other test [30.6]",
    function()
      fails("shared and dirty leaves tasks", "failure", "task plain #3",
        "task shielded #4")
      fails("shared and dirty leaves a call", "failure", "a call that is due")
      passes "shared and dirty goes on"
      assert.is_nil(told["shared and dirty"])
    end)

  it("undoes what setup has deferred, and tells of reports", function()
    fails("shared and deferred", "error", "cannot be undone after the test")
    passes "shared and deferred passes"
    passes "shared and deferred has its own"
    fails("shared and unseen", "error", "lost in teardown")
  end)

  it("names what is left after teardown", function()
    fails("shared and left", "error", "left at the end of the describe",
      "task forgotten #2")
    passes "shared and left passes"
  end)

  it("refuses tests that want another runtime", function()
    fails("shared is virtual", "error", "wants the virtual clock",
      "testing.options{shared = true, virtual = true}")
    fails("shared is plain", "error", "a plain test cannot run here")
  end)

  it("shares its clock, too", function()
    passes "shared on the virtual clock goes on where setup was"
    passes "shared on the virtual clock and the test before"
  end)
end)
