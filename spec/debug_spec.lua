-- The switch weft.debug: its options, and who is told when they change.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"
local program = require "spec.program"
local report = require "weft.report"
local switch = require "weft.debug"

local refuses = helper.refuses

testing.options { virtual = true }

local all_off = { report = false, slow = false, watchdog = false,
  sites = false, deadlock = false, leaks = false }

describe("tasks that are left when the main task ends", function()
  local LEAVE = [[
    local weft = require "weft"
    weft.debug { leaks = true%s }
    for i = 1, 23 do weft.spawn("w" .. i, weft.sleep_forever) end
    weft.yield()
  ]]

  it("are reported one by one up to twenty, then counted", function()
    local result = program.run { "-e", LEAVE:format "" }
    local _, count = result.err:gsub("was left when the main task ended", "")
    assert.equal(20, count)
    assert.truthy(result.err:find("\nweft: and 3 more tasks, left when the "
      .. "main task ended\n", 1, true), result.err)
  end)

  it("are all told to a receiver", function()
    local result = program.run { "-e", LEAVE:format ", report = print" }
    local _, count = result.out:gsub("11\tw%d+\t", "")
    assert.equal(23, count, result.out)
    assert.equal("", result.err)
  end)
end)

describe("weft.debug", function()
  after_each(function()
    weft.debug(false)
    weft.debug { report = false }
  end)

  it("has everything off by default", testing.plain(function()
    assert.same(all_off, weft.debug())
  end))

  it("turns on all with true, all off with false", testing.plain(function()
    local on = { report = false, slow = 0.1, watchdog = 1, sites = true,
      deadlock = true, leaks = true }
    assert.same(on, weft.debug(true))
    assert.same(on, weft.debug())
    assert.same(all_off, weft.debug(false))
  end))

  it("sets what is named and leaves the rest", function()
    weft.debug { slow = 0.5, sites = true }
    local now = weft.debug { slow = false, deadlock = true }
    assert.is_false(now.slow)
    assert.is_true(now.sites)
    assert.is_true(now.deadlock)
    assert.is_false(now.leaks)
    assert.same(now, weft.debug {})
  end)

  it("takes true for the default of a time", function()
    local now = weft.debug { slow = true, watchdog = true }
    assert.equal(0.1, now.slow)
    assert.equal(1, now.watchdog)
  end)

  it("leaves who gets the reports as it is, unless that is named [29.1]",
    function()
      local function fn() end
      weft.debug { report = fn }
      weft.debug(true)
      weft.debug(false)
      assert.equal(fn, weft.debug().report)
      assert.is_false(weft.debug({ report = false }).report)
    end)

  it("sends reports to the function given [29.1]", function()
    local got = {}
    weft.debug { report = function(...) got[#got + 1] = { ... } end }
    weft.debug {}
    weft.report(weft.OSError "gone", "worker")
    assert.equal(1, #got)
    assert.equal(report.FAILURE, got[1][1])
    assert.equal("worker", got[1][2])
    assert.equal("gone", got[1][3].message)
  end)

  it("tells who has asked, at once and at every change", function()
    local seen = {}
    switch.on_change(function(options) seen[#seen + 1] = options.slow end)
    weft.debug { slow = 2 }
    weft.debug()
    weft.debug(false)
    assert.same({ false, 2, false }, seen)
    assert.is_false(switch.options.slow)
  end)

  it("gives a table of the caller's own", function()
    weft.debug().slow = 5
    assert.is_false(weft.debug().slow)
  end)

  it("refuses what it does not know, and then changes nothing",
    testing.plain(function()
      for _, case in ipairs {
        { 5, "options must be a table, true (all of them) or false (none)",
          "got number 5" },
        { { solw = 1 }, "there is no option 'solw'",
          "sites, slow and watchdog" },
        { { [1] = "slow" }, "there is no option '1'" },
        { { slow = 0 }, "slow must be a number of seconds above 0",
          "number 0" },
        { { slow = -1 }, "slow must be", "number -1" },
        { { slow = 0 / 0 }, "slow must be", "NaN" },
        { { slow = "1" }, "slow must be", "true (for 0.1) or false" },
        { { watchdog = math.huge }, "watchdog must be",
          "true (for 1) or false" },
        { { sites = 1 }, "sites must be true or false, got number 1" },
        { { deadlock = "yes" }, "deadlock must be true or false" },
        { { leaks = {} }, "leaks must be true or false" },
        { { report = 5 }, "report must be a function or false, got number 5" },
        { { report = true }, "report must be a function or false" },
      } do
        local options = table.remove(case, 1)
        local err = refuses(case, weft.debug, options)
        assert.is_truthy(err.traceback == nil
          or err.traceback:find("debug_spec", 1, true))
      end
      pcall(weft.debug, { slow = 3, sites = 1 })
      assert.same(all_off, weft.debug())
    end))

  it("is all on from the beginning with WEFT_DEBUG=1", function()
    local code = [[local weft = require "weft"
      print(weft.debug().slow, weft.debug().leaks)]]
    for value, printed in pairs { ["1"] = "0.1\ttrue", ["0"] = "false\tfalse" }
    do
      local pipe = io.popen(("WEFT_DEBUG=%s luajit -e '%s'"):format(value,
        code))
      assert.equal(printed .. "\n", pipe:read "*a")
      pipe:close()
    end
  end)
end)
