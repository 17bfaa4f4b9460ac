-- Tests that do not come to an end: spec/failing/limits.lua and others.
local busted_child = require "busted_child"
local program = require "program"

local SHORT = { WEFT_TEST_TIMEOUT = 0.1 }

describe("weft.testing.limit", function()
  local result

  setup(function() result = busted_child.failing("limits", SHORT) end)

  local function fails(name, ...)
    local entry = assert(result.told[name], "not told of: " .. name)
    assert.equal("error", entry.kind)
    for _, piece in ipairs { ... } do
      assert.is_truthy(entry.message:find(piece, 1, true),
        "no '" .. piece .. "' in: " .. tostring(entry.message))
    end
    return entry
  end

  it("ends a test where it waits, with its traceback", function()
    local entry = fails("limits waits", "spec/failing/limits.lua:5: no end "
      .. "after 0.1 s; it waited for sleep", "in function 'wait_long'",
      "spec/failing/limits.lua:9: in function")
    assert.equal(5, entry.line)
  end)

  it("says how the test may take longer", function()
    fails("limits waits", "testing.with({timeout = 0.2}, fn)",
      "testing.options{timeout = 0.2}")
  end)

  it("shows the tasks, if there are others", function()
    fails("limits waits in a child", "it waited for group", "the tasks were:",
      "slow child #2: waits for sleep")
    local entry = result.told["limits waits"]
    assert.is_nil(entry.message:find("the tasks were", 1, true))
  end)

  it("is told though the test swallows it", function()
    fails("limits swallows it", "spec/failing/limits.lua:5: no end after")
    fails("limits asserts on it", "spec/failing/limits.lua:5: no end after")
  end)

  it("ends one that only yields on the virtual clock, in real time", function()
    fails("limits yields on the virtual clock", "no end after 0.1 s of real "
      .. "time", "(to have it longer: WEFT_TEST_TIMEOUT=0.2, or {timeout = "
      .. "0.2} in the project's helper)")
  end)

  it("counts virtual seconds on the virtual clock", function()
    fails("limits waits on the virtual clock", "no end after 7 s;")
  end)

  it("leaves the cleanup its time", function()
    fails("limits has cleanup", "no end after 0.1 s")
    assert.is_truthy(result.out:find("unwound\ncleaned\n", 1, true))
  end)

  it("holds in finally, before_each, after_each and setup", function()
    fails("limits waits in finally", "limits.lua:48: in function")
    fails("limits in before_each before_each", "limits.lua:5: no end after")
    assert.is_truthy(result.out:find("after_each ran", 1, true))
    fails("limits in after_each after_each", "limits.lua:5: no end after")
    assert.equal("success", result.told["limits in after_each passes"].kind)
    fails("limits in setup setup", "limits.lua:5: no end after")
    assert.is_nil(result.out:find("NEVER", 1, true))
  end)

  it("is set for a test and for a describe", function()
    assert.equal("success", result.told["limits is longer by itself"].kind)
    fails("limits of a describe waits", "no end after 0.02 s")
    fails("limits of a describe inside waits", "no end after 0.02 s")
  end)
end)

describe("a test that cannot be cancelled", function()
  it("is named where it computes, and the run ends", function()
    local result = busted_child.run { "--helper=weft.testing.busted",
      "spec/failing/runaway.lua", env = SHORT }
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find("no end after 0.1 s of test: "
      .. "spec/failing/runaway.lua:3: computes for ever\nit computes without "
      .. "waiting, so it cannot be cancelled", 1, true), result.err)
    assert.is_nil(result.out:find("NEVER", 1, true))
  end)

  it("is told of on stdout, after what busted told so far", function()
    local result = busted_child.run { "--helper=weft.testing.busted",
      "--output=TAP", "spec/failing/runaway.lua", env = SHORT }
    assert.is_truthy(result.out:find("passes", 1, true), result.out)
    assert.equal("weft: nothing else can stop it: the run ends here",
      result.out:match "([^\n]*)\n$")
  end)
end)

describe("a test that goes on when it is cancelled", function()
  local result

  setup(function() result = busted_child.failing("stubborn", SHORT) end)

  local function fails(kind, name, ...)
    local entry = assert(result.told["stubborn " .. name], name)
    assert.equal(kind, entry.kind)
    for _, piece in ipairs { ... } do
      assert.is_truthy(entry.message:find(piece, 1, true), entry.message)
    end
  end

  it("is named, given up, and fails alone", function()
    fails("error", "swallows everything", "no end after 0.1 s; it waited for "
      .. "sleep", "spec/failing/stubborn.lua:7: in function", "was given up: "
      .. "a loop swallows CancelledError")
    assert.is_truthy(result.err:find("swallows everything\nit was cancelled, "
      .. "and goes on", 1, true), result.err)
    assert.equal("success", result.told["stubborn passes"].kind)
  end)

  it("has its shields lifted", function()
    fails("error", "waits in a shield", "no end after 0.1 s; it waited for "
      .. "sleep")
    assert.is_truthy(result.out:find("cleaned up", 1, true))
  end)

  it("fails with what it has left, if that is given up", function()
    fails("failure", "leaves one that swallows", "left at the end of the test:",
      "task greedy #2: waits for sleep", "spawned at spec/failing/stubborn.lua",
      "(given up, as it goes on when it is cancelled")
    local message = result.told["stubborn leaves one that swallows"].message
    assert.is_nil(message:find("InvalidStateError", 1, true))
    assert.is_nil(message:find("lua/weft", 1, true))
  end)

  it("fails the tests of a describe that shares the runtime", function()
    fails("error", "shared swallows everything", "no end after 0.1 s")
    assert.is_truthy(result.told["stubborn shared needs the runtime"])
  end)

  it("is followed by all the others", function()
    fails("error", "setup setup", "no end after 0.1 s")
    assert.equal("success", result.told["stubborn is the last"].kind)
  end)
end)

describe("a test that has left a task that is shielded", function()
  it("is named, and fails by that", function()
    local result = busted_child.failing("shielded", SHORT)
    local entry = result.told["leaves a shielded task"]
    assert.equal("failure", entry.kind)
    assert.is_truthy(entry.message:find("task stuck #2: waits for sleep", 1,
      true))
    assert.is_truthy(result.err:find("leaves a shielded task, which left task "
      .. "stuck #2: waits for sleep", 1, true), result.err)
    assert.equal("success", result.told["is run"].kind)
  end)
end)

describe("a test outside any task", function()
  it("is named when its own limit is over, and goes on", function()
    local result = busted_child.run { "--helper=weft.testing.busted",
      "spec/failing/plain.lua", env = { WEFT_TEST_TIMEOUT = 60 } }
    assert.is_truthy(result.err:find("no end after 0.05 s of test: "
      .. "spec/failing/plain.lua:4: takes its time\nit runs outside any task, "
      .. "where it cannot be cancelled", 1, true), result.err)
    assert.equal(0, result.status)
  end)
end)

describe("a test that nothing can wake any more", function()
  local told, seconds

  setup(function()
    local began = os.time()
    told = busted_child.failing("deadlock").told
    seconds = os.time() - began
  end)

  local function fails(name, ...)
    local entry = told["deadlock " .. name]
    assert.equal("error", entry.kind)
    for _, piece in ipairs { ... } do
      assert.is_truthy(entry.message:find(piece, 1, true), entry.message)
    end
  end

  it("fails at once with the tree, on the virtual clock [30.5]", function()
    fails("virtual", "spec/failing/deadlock.lua:7: deadlock: nothing can wake "
      .. "a task any more", "it waited for queue (to get)", "the tasks were:",
      "main #1: waits for queue (to get)", " at spec/failing/deadlock.lua:7")
  end)

  it("fails at once with the tree, on the real clock [30.5]", function()
    fails("real", "spec/failing/deadlock.lua:11: deadlock: nothing can wake",
      "main #1: waits for event", " at spec/failing/deadlock.lua:11")
    assert.is_true(seconds < 40) -- the limit of those is 50 s
  end)

  it("is told of a circle [30.5]", function()
    fails("of two", "deadlock: 2 tasks wait for each other in a circle: ann #2 "
      .. "waits for lock of bob #3; bob #3 waits for lock of ann #2",
      "ann #2: waits for lock of bob #3",
      "spawned at spec/failing/deadlock.lua:24 by main")
  end)

  it("is told though the cleanup waits for ever, too [30.5]", function()
    fails("in the cleanup, too", "deadlock.lua:30: deadlock: nothing can wake",
      "it waited for event")
  end)

  it("is one too where only the test's own limit was to come", function()
    fails("with a limit on the virtual clock", "deadlock: no task can go on "
      .. "before the limit of the test", "main #1: waits for event")
  end)
end)

describe("the thread that keeps the limits", function()
  it("tells each Lua state of its own innermost limit", function()
    local path = program.file [[
      local weft, core = require "weft", require "weft.core"
      local told = 0
      core.guard_set(function() told = told + 1 end)
      core.guard_begin(0.02, "mine", false)
      weft.to_thread(function()
        require "weft.core".guard_begin(60, "of another state", false)
      end)
      for _ = 1, 500 do
        if told == 0 then weft.sleep(0.01) end
      end
      print(told)
    ]]
    assert.equal("1\n", program.run({ path }).out)
    os.remove(path)
  end)

  it("handles no signal", function()
    local path = program.file [[
      local core = require "weft.core"
      core.guard_begin(60, "long", false)
      local main, blocked = core.process_id(), {}
      -- The threads are listed by a child, their masks read here: while
      -- popen starts its child it blocks the signals of this thread.
      for id in io.popen("ls /proc/" .. main .. "/task"):lines() do
        local status = io.open("/proc/self/task/" .. id .. "/status"):read "*a"
        local mask = tonumber(status:match "SigBlk:%s*(%x+)", 16)
        blocked[tonumber(id) == main and "main" or "other"] = mask > 0
      end
      print(blocked.main, blocked.other)
    ]]
    assert.equal("false\ttrue\n", program.run({ path }).out)
    os.remove(path)
  end)
end)
