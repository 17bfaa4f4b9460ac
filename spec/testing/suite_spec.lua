-- busted's tests in tasks: that all of busted does what it did, and failures of
-- what is around a test and in its children.
local busted_child = require "busted_child"

local HELPER = "--helper=weft.testing.busted"
local PARKING = "spec/testing/parking.lua"

local function has(text, piece)
  assert.is_truthy(text:find(piece, 1, true),
    "no '" .. piece .. "' in: " .. text)
end

local function has_not(text, piece)
  assert.is_nil(text:find(piece, 1, true), "'" .. piece .. "' is in: " .. text)
end

local function told_in(name)
  local result = busted_child.failing(name)
  return result, function(test, kind, ...)
    local entry = assert(result.told[test], "not told of: " .. test)
    assert.equal(kind, entry.kind)
    for _, piece in ipairs { ... } do has(entry.message, piece) end
    return entry
  end
end

describe("busted with tests in tasks", function()
  local counts = "24 successes / 0 failures / 0 errors / 2 pending"

  it("lets all code of tests park", function()
    local result = busted_child.run { HELPER, "-o", "plainTerminal", PARKING }
    has(result.out, counts)
    assert.equal(0, result.status)
  end)

  it("does so without insulation, shuffled, and again", function()
    local result = busted_child.run { HELPER, "-o", "plainTerminal",
      "--no-auto-insulate", "--shuffle", "--repeat=3", PARKING }
    local _, times = result.out:gsub(counts, "")
    assert.equal(3, times)
    assert.equal(0, result.status)
  end)

  it("does so lazily, and sorted", function()
    local result = busted_child.run { HELPER, "-o", "plainTerminal", "--lazy",
      "--sort", PARKING }
    has(result.out, counts)
  end)

  it("does so under the shuffle seed", function()
    local result = busted_child.run { HELPER, "-o", "plainTerminal", PARKING,
      env = { WEFT_SEED = "random" } }
    has(result.out, counts)
  end)

  it("lists tests without running them", function()
    local result = busted_child.run { HELPER, "-l", PARKING }
    has(result.out, "parking in it\n")
    has_not(result.out, "success")
  end)

  it("runs what the filter says", function()
    local result = busted_child.run { HELPER, "-o", "plainTerminal",
      "--filter=parking in", PARKING }
    has(result.out, "3 successes / 0 failures / 0 errors / 0 pending")
  end)

  it("stops at the first failure if it is told to", function()
    local result = busted_child.run { HELPER, "-o", "plainTerminal",
      "--no-keep-going", "spec/failing/hooks.lua" }
    has(result.out, "0 successes / 0 failures / 1 error / 0 pending")
    assert.equal(1, result.status)
  end)

  it("tells it as TAP and as JUnit", function()
    local tap = busted_child.run { HELPER, "-o", "TAP",
      "spec/failing/seed.lua" }
    has(tap.out, "not ok 1 - tells the order")
    has(tap.out, "ok 2 - passes")
    has(tap.out, "1..3")
    local junit = busted_child.run { HELPER, "-o", "junit",
      "spec/failing/leaks.lua" }
    has(junit.out, "left at the end of the test")
    has(junit.out, "name='leaks ends by itself'")
  end)

  it("has one weft in all insulated files", function()
    local result = busted_child.run { HELPER, "-o", "plainTerminal",
      "--pattern=.", "spec/testing/insulated" }
    has(result.out, "4 successes / 0 failures / 0 errors / 0 pending")
  end)

  it("shares the runtime of a file, setup and all", function()
    for _, option in ipairs { "--auto-insulate", "--no-auto-insulate" } do
      local result = busted_child.run { HELPER, "-o", "plainTerminal", option,
        "--repeat=2", "spec/testing/shared_file.lua" }
      local _, times = result.out:gsub(
        "3 successes / 0 failures / 0 errors / 0 pending", "")
      assert.equal(2, times)
    end
  end)

  it("does not fail for what WEFT_DEBUG=1 tells of steps", function()
    local result = busted_child.run { HELPER, "spec/testing/slow_step.lua",
      env = { WEFT_DEBUG = 1 } }
    has(result.out, "2 successes / 0 failures / 0 errors / 0 pending")
    has(result.err, "weft: task main: its last step took ")
  end)

  it("ends well where a test leaves the process", function()
    local result = busted_child.run { HELPER, "spec/failing/exit.lua" }
    assert.equal(7, result.status)
    has(result.out, "leaving")
    has_not(result.out, "NEVER")
    assert.equal("", result.err)
  end)
end)

describe("failures around a test", function()
  local result, fails

  setup(function() result, fails = told_in "hooks" end)

  it("in before_each keep the test from running", function()
    fails("before_each before_each", "error", "hooks.lua:7: no database")
    has_not(result.out, "NEVER")
  end)

  it("in after_each are told besides the test's own", function()
    fails("after_each after_each", "error", "hooks.lua:15: cannot clean up")
    fails("after_each passes itself", "success")
    fails("after_each fails itself", "failure", "hooks.lua:18: Expected")
  end)

  it("in finally fail the test; finally runs after failures", function()
    fails("finally passes itself", "error", "hooks.lua:25: in finally")
    fails("finally has cleanup, though it fails", "error",
      "hooks.lua:34: after all")
    has(result.out, "finally ran")
  end)

  it("in setup and lazy_setup keep the tests from running", function()
    fails("setup setup", "error", "hooks.lua:41: no server")
    fails("lazy_setup lazy_setup", "error", "hooks.lua:49: no lazy server")
  end)

  it("in teardown are told", function()
    fails("teardown teardown", "error", "hooks.lua:57: no end of it")
    fails("teardown passes", "success")
  end)

  it("in what was deferred fail the test", function()
    fails("deferred fails by what it has deferred", "failure",
      "hooks.lua:67: cannot be undone")
  end)

  it("in what setup has deferred, and what it reports, are told", function()
    fails("setup that defers setup", "error", "not undone")
    fails("setup that reports setup", "error", "lost in setup")
  end)

  it("do not keep the others from running", function()
    fails("goes on", "success")
  end)
end)

describe("failures in other tasks", function()
  local result, fails

  setup(function() result, fails = told_in "children" end)

  it("of assertions are failures, told by their line and task", function()
    local entry = fails("children assertion", "failure",
      "in task checker, spawned at spec/failing/children.lua:5 by main")
    assert.equal(1, (entry.message:find(
      "spec/failing/children.lua:12: Expected objects to be equal.", 1, true)))
    fails("children assertion, groups deep", "failure",
      "children.lua:19: Expected", "in task inner, spawned at",
      "in task outer, spawned at spec/failing/children.lua:18 by main")
  end)

  it("of several assertions are all told", function()
    fails("children assertions of two", "failure", "2 failures",
      "children.lua:26", "(in left)", "children.lua:27", "(in right)")
  end)

  it("are errors, if one of them is", function()
    fails("children an assertion and an error", "error", "2 failures",
      "children.lua:33: Expected", "children.lua:34: broken (in right)")
  end)

  it("name the line, the task and the class", function()
    fails("children string", "error",
      "children.lua:39: broken\n", "in task worker, spawned at")
    fails("children error object", "error",
      "children.lua:43: QueueEmpty: queue:try_get", "in task reader")
    fails("children awaited", "error", "in task helper")
  end)

  it("by pending leave the test pending", function()
    fails("children pending", "pending", "not today")
    assert.equal(1, result.status)
  end)

  it("of the test itself are told as without tasks", function()
    fails("children object of its own", "error", "children.lua:55: mine")
    fails("children table", "error", "answer = 42")
    fails("children nothing", "error", "Nil error")
  end)
end)

describe("Ctrl-C", function()
  it("ends the test that runs, with its cleanup, and then busted", function()
    local program = require "program"
    local child = program.start { "test", "-o", "plainTerminal",
      "spec/failing/interrupt.lua" }
    repeat until child:line():find "waiting"
    child:kill "INT"
    local result = child:finish()
    assert.equal(130, result.status)
    has(result.out, "finally\nafter_each\n")
    has(result.out, "teardown\n")
    has(result.out, "1 success / 0 failures / 1 error / 0 pending")
    has(result.out, "interrupt.lua:5: interrupted by SIGINT, where it waited:\n"
      .. "\tspec/failing/interrupt.lua:5: in function 'fetch'\n"
      .. "\tspec/failing/interrupt.lua:29: in function")
    has_not(result.out, "NEVER")
  end)
end)
