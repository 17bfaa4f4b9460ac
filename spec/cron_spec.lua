-- Cron: calling a function by the calendar.
local cron = require "weft.cron"
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

-- "2026-03-14 15:09" as a time; also with seconds.
local function time_of(text)
  local year, month, day, hour, min, sec =
    text:match "^(%d+)-(%d+)-(%d+) (%d+):(%d+):?(%d*)$"
  return os.time { year = year, month = month, day = day, hour = hour,
    min = min, sec = tonumber(sec) or 0 }
end

describe("weft.cron", function()
  -- A clock that shows the virtual one as time of day.
  local function clock_at(text)
    local begin = time_of(text)
    return function() return begin + weft.now() end, begin
  end

  it("calls fn at each time, with the time", function()
    local clock, begin = clock_at "2026-06-10 12:29:30"
    local log = {}
    weft.move_on_after(12 * 60, function()
      weft.cron("*/5 * * * *", function(time)
        log[#log + 1] = ("%s at %g"):format(os.date("%H:%M", time), weft.now())
        assert.equal(begin + weft.now(), time)
      end, clock)
    end)
    assert.same({ "12:30 at 30", "12:35 at 330", "12:40 at 630" }, log)
  end)

  it("leaves out what comes while fn runs", function()
    local log = {}
    weft.move_on_after(6 * 60 + 1, function()
      weft.cron("* * * * *", function(time)
        log[#log + 1] = os.date("%H:%M", time)
        if #log == 1 then weft.sleep(150) end
      end, (clock_at "2026-06-10 12:00"))
    end)
    assert.same({ "12:01", "12:04", "12:05", "12:06" }, log)
  end)

  it("notices within a minute that the clock was set", function()
    local begin, ahead = time_of "2026-06-10 12:00", 0
    weft.spawn(function()
      weft.sleep(610)
      ahead = 6 * 3600
    end)
    local called
    weft.move_on_after(3600, function()
      weft.cron("0 18 * * *", function() called = weft.now() end,
        function() return begin + ahead + weft.now() end)
    end)
    assert.equal(660, called)
  end)

  it("does not call fn while the clock, set back, is before the time",
    function()
      local begin, ahead = time_of "2026-06-10 12:00", 0
      weft.spawn(function()
        weft.sleep(30)
        ahead = -600
      end)
      local called
      weft.move_on_after(3600, function()
        weft.cron("1 * * * *", function() called = called or weft.now() end,
          function() return begin + ahead + weft.now() end)
      end)
      assert.equal(660, called)
    end)

  it("goes by the time of day of the system unless told", function()
    local system_time, begin = os.time, time_of "2026-06-10 12:00"
    local stubbed = stub(os, "time").invokes(function(date)
      return date and system_time(date) or begin + weft.now()
    end)
    local called
    weft.move_on_after(100, function()
      weft.cron("* * * * *", function(time) called = time end)
    end)
    stubbed:revert()
    assert.equal(begin + 60, called)
  end)

  it("takes a schedule that was parsed", function()
    local schedule, called = cron.parse "@hourly", nil
    weft.move_on_after(3600, function()
      weft.cron(schedule, function(time) called = time end,
        (clock_at "2026-06-10 12:30"))
    end)
    assert.equal(time_of "2026-06-10 13:00", called)
  end)

  it("raises what fn raises", function()
    fails("OSError", weft.cron, "* * * * *",
      function() error(weft.OSError "x") end, (clock_at "2026-06-10 12:00"))
    assert.equal(60, weft.now())
  end)

  it("is cancelled in its wait and in fn [3.2]", function()
    local clock, calls = clock_at "2026-06-10 12:00", 0
    local function count()
      calls = calls + 1
      weft.sleep_forever()
    end
    weft.move_on_after(59, function() weft.cron("* * * * *", count, clock) end)
    assert.equal(0, calls)
    weft.move_on_after(59, function() weft.cron("* * * * *", count, clock) end)
    assert.equal(1, calls)
    assert.equal(118, weft.now())
  end)

  it("refuses wrong arguments", function()
    refuses({ "cron", "five fields" }, weft.cron, "* *", print)
    refuses({ "cron(expression, fn, clock): fn", "nil" }, weft.cron, "@daily")
    refuses({ "cron(expression, fn, clock): clock", "number 5" }, weft.cron,
      "@daily", print, 5)
  end)
end)
