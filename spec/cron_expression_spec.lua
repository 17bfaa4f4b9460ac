-- Cron expressions: what they say, and what is none.
local cron_expression = require "weft.cron_expression"
local helper = require "spec.helper"

local parse, refuses = cron_expression.parse, helper.refuses

-- "2026-03-14 15:09" as a time; also with seconds.
local function time_of(text)
  local year, month, day, hour, min, sec =
    text:match "^(%d+)-(%d+)-(%d+) (%d+):(%d+):?(%d*)$"
  return os.time { year = year, month = month, day = day, hour = hour,
    min = min, sec = tonumber(sec) or 0 }
end

-- The `count` times after `from` that the expression says, as text.
local function times(expression, from, count)
  local schedule, time, list = parse(expression), time_of(from), {}
  for i = 1, count do
    time = schedule:next(time)
    list[i] = os.date("%Y-%m-%d %H:%M", time)
  end
  return list
end

describe("a cron expression", function()
  it("of stars comes every minute", function()
    assert.same({ "2026-06-10 12:31", "2026-06-10 12:32" },
      times("* * * * *", "2026-06-10 12:30", 2))
    assert.same({ "2026-06-10 12:31" },
      times("* * * * *", "2026-06-10 12:30:59", 1))
  end)

  it("comes after the time, never at it", function()
    assert.same({ "2026-06-11 12:30" },
      times("30 12 * * *", "2026-06-10 12:30", 1))
    assert.same({ "2026-06-10 12:30" },
      times("30 12 * * *", "2026-06-10 12:29:59", 1))
  end)

  it("comes at a whole second, whatever it is asked", function()
    local time = time_of "2026-06-10 12:30"
    assert.equal(time + 60, parse("* * * * *"):next(time + 0.5))
  end)

  it("has steps", function()
    assert.same({ "2026-06-10 12:50", "2026-06-10 12:55", "2026-06-10 13:00" },
      times("*/5 * * * *", "2026-06-10 12:47", 3))
    assert.same({ "2026-06-10 12:50", "2026-06-10 13:10", "2026-06-10 13:30" },
      times("10/20 * * * *", "2026-06-10 12:47", 3))
    assert.same({ "2026-06-10 13:03", "2026-06-10 13:06", "2026-06-10 14:03" },
      times("3-8/3 * * * *", "2026-06-10 12:47", 3))
  end)

  it("has lists and ranges", function()
    assert.same({
      "2026-06-10 17:00", "2026-06-10 17:30", "2026-06-11 09:00",
    }, times("0,30 9-11,17 * * *", "2026-06-10 16:59", 3))
  end)

  it("has names of months and weekdays, in any case", function()
    assert.same({ "2026-12-01 00:00", "2027-01-01 00:00", "2027-02-01 00:00",
      "2027-12-01 00:00" }, times("0 0 1 jan-Feb,DEC *", "2026-06-10 00:00", 4))
    -- 10 June 2026 is a Wednesday.
    assert.same({ "2026-06-12 08:00", "2026-06-15 08:00", "2026-06-19 08:00" },
      times("0 8 * * mon,FRI", "2026-06-10 12:00", 3))
  end)

  it("has Sunday as 0, as 7, and at the end of a range", function()
    local sundays = { "2026-06-14 00:00", "2026-06-21 00:00" }
    for _, day in ipairs { "0", "7", "sun", "SUN", "0-0", "sun-sun" } do
      assert.same(sundays, times("0 0 * * " .. day, "2026-06-10 00:00", 2))
    end
    assert.same({ "2026-06-15 00:00", "2026-06-16 00:00", "2026-06-17 00:00",
      "2026-06-22 00:00" }, times("0 0 * * mon-wed", "2026-06-12 00:00", 4))
    local weekend = { "2026-06-13 00:00", "2026-06-14 00:00",
      "2026-06-20 00:00" }
    for _, days in ipairs { "6-7", "sat-sun", "sat,sun" } do
      assert.same(weekend, times("0 0 * * " .. days, "2026-06-10 00:00", 3))
    end
  end)

  it("takes either day if both are given", function()
    assert.same({ "2026-06-12 00:00", "2026-06-13 00:00", "2026-06-19 00:00" },
      times("0 0 13 * fri", "2026-06-10 00:00", 3))
  end)

  it("takes both days if one begins with a star", function()
    assert.same({ "2026-06-15 00:00", "2026-06-29 00:00", "2026-07-13 00:00" },
      times("0 0 */2 * mon", "2026-06-10 00:00", 3))
  end)

  it("passes months without its day, and waits for leap years", function()
    assert.same({ "2026-07-31 00:00", "2026-08-31 00:00", "2026-10-31 00:00" },
      times("0 0 31 * *", "2026-06-10 00:00", 3))
    assert.same({ "2028-02-29 12:00", "2032-02-29 12:00" },
      times("0 12 29 2 *", "2026-06-10 00:00", 2))
  end)

  it("goes over the end of a year", function()
    assert.same({ "2027-01-01 00:00" },
      times("* * * * *", "2026-12-31 23:59", 1))
  end)

  it("may be a word", function()
    local words = {
      ["@hourly"] = "2026-06-10 13:00", ["@daily"] = "2026-06-11 00:00",
      ["@midnight"] = "2026-06-11 00:00", ["@weekly"] = "2026-06-14 00:00",
      ["@monthly"] = "2026-07-01 00:00", ["@yearly"] = "2027-01-01 00:00",
      ["@annually"] = "2027-01-01 00:00", ["@Hourly"] = "2026-06-10 13:00",
    }
    for word, time in pairs(words) do
      assert.same({ time }, times(word, "2026-06-10 12:30", 1), word)
    end
  end)

  it("agrees with a search of every minute", function()
    local expressions = {
      "*/7 3-9/2 * * *", "5,50 23 28-31 * *", "0 0 29 1 1", "59 23 31 12 *",
      "*/15 * 1,15 */3 mon-fri", "17 4 */5 * sun",
    }
    local begin = time_of "2027-12-30 00:00"
    for _, expression in ipairs(expressions) do
      local schedule = parse(expression)
      local expected = schedule:next(begin)
      for time = begin + 60, expected, 60 do
        local date = os.date("*t", time)
        local is_day, is_weekday = schedule.day[date.day],
          schedule.weekday[date.wday - 1]
        local is_date = is_day and is_weekday
        if not (schedule.any_day or schedule.any_weekday) then
          is_date = is_day or is_weekday
        end
        local matches = schedule.minute[date.min] and schedule.hour[date.hour]
          and schedule.month[date.month] and is_date
        assert.equal(time == expected, matches and true or false, expression)
      end
    end
  end)
end)

describe("a cron expression that is wrong", function()
  local function refused(expression, ...)
    refuses({ "cron", ... }, parse, expression)
  end

  it("is refused for the number of its fields", function()
    refused("* * * *", "five fields", "* * * *")
    refused("* * * * * *", "five fields")
    refused("@often", "@hourly", "@often")
    refused(" ", "five fields")
  end)

  it("is refused where it is no text", function()
    refused(nil, "the expression must be a string", "nil")
    refused("", "string that is not empty")
  end)

  it("names the field, what it says and what would be right", function()
    refused("60 * * * *", "minute", '"60"', "from 0 to 59")
    refused("* 24 * * *", "hour", '"24"', "from 0 to 23")
    refused("* * 0 * *", "day", '"0"', "from 1 to 31")
    refused("* * * 13 *", "month", "from 1 to 12", "first three letters")
    refused("* * * * 8", "weekday", "from 0 to 7")
    refused("* * * june *", "month", '"june"')
    refused("* * * * mo", "weekday", '"mo"')
    refused("jan * * * *", "minute", '"jan"')
  end)

  it("is refused for its ranges, steps and lists", function()
    refused("5-1 * * * *", "minute", '"5-1"', "from the smaller")
    refused("*/0 * * * *", "minute", "step of at least 1")
    refused("*/00 * * * *", "minute", "step of at least 1")
    refused("*/x * * * *", "minute", '"*/x"')
    refused("1,,2 * * * *", "minute", '""')
    refused("1, * * * *", "minute")
    refused("1-2-3 * * * *", "minute", '"1-2-3"')
    refused("5-0 * * * *", "minute", '"5-0"', "from the smaller")
    refused("-5 * * * *", "minute", '"-5"')
    refused("1.5 * * * *", "minute", '"1.5"')
    refused("? * * * *", "minute")
    refused("**/5 * * * *", "minute")
  end)

  it("is refused for days that never come", function()
    refused("0 0 30 2 *", "0 0 30 2 *", "never comes")
    refused("0 0 31 feb,apr,jun *", "never comes")
    assert.is_table(parse "0 0 30 2 mon")
    assert.is_table(parse "0 0 31 2,3 *")
  end)
end)

describe("a cron expression and the clocks' change", function()
  -- The times, in UTC, that a program in the zone finds after `from`.
  local function in_zone(zone, expression, from, count)
    local pipe = io.popen(([[TZ='%s' luajit -e '
      local cron = require "weft.cron_expression"
      local schedule, time = cron.parse "%s", %d
      for _ = 1, %d do
        time = schedule:next(time)
        print(os.date("!%%m-%%d %%H:%%M", time))
      end' 2>&1]]):format(zone, expression, from, count))
    local list = {}
    for line in pipe:lines() do list[#list + 1] = line end
    pipe:close()
    return list
  end

  -- Central Europe, 2026: forward on 29 March, back on 25 October, at 1:00 UTC.
  local BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
  local MARCH, OCTOBER = 1774656000, 1792800000 -- 28th, 24th, 0:00 UTC

  it("passes the time that the clocks leave out", function()
    assert.same({ "03-28 01:30", "03-30 00:30" },
      in_zone(BERLIN, "30 2 * * *", MARCH, 2))
    assert.same({ "03-28 02:30", "03-29 01:30" },
      in_zone(BERLIN, "30 3 * * *", MARCH, 2))
  end)

  it("comes twice at a time that they repeat", function()
    assert.same({ "10-24 00:30", "10-25 00:30", "10-25 01:30", "10-26 01:30" },
      in_zone(BERLIN, "30 2 * * *", OCTOBER, 4))
  end)

  it("finds its way over a midnight that does not exist", function()
    -- Clocks go from 0:00 to 1:00 on 29 March.
    local zone = "AAA3BBB,M3.5.0/0,M10.5.0/0"
    assert.same({ "03-29 03:00", "03-29 04:00" },
      in_zone(zone, "0 * 29 3 *", MARCH, 2))
    assert.same({ "03-30 02:00" }, in_zone(zone, "0 0 29,30 3 *", MARCH, 1))
  end)

  it("goes on where os.time gives the day before for such a midnight",
    function()
      local system_time = os.time
      local function before(date)
        local time = system_time(date)
        return date and date.hour == 0 and time - 3600 or time
      end
      local expected = { "2026-06-11 03:00" }
      for _, from in ipairs { "21:30", "22:59", "23:30" } do
        local begin = time_of("2026-06-10 " .. from)
        local stubbed = stub(os, "time").invokes(before)
        local found = parse("0 3 11 * *"):next(begin)
        stubbed:revert()
        assert.same(expected, { os.date("%Y-%m-%d %H:%M", found) })
      end
    end)
end)
