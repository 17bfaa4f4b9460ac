--- Cron expressions: at which times of the calendar something is due.
--
-- An expression has five fields: minute (0-59), hour (0-23), day of the month
-- (1-31), month (1-12 or jan-dec), day of the week (0-7 or sun-sat, 0 and 7
-- being Sunday). A field is `*`, a number, a range `a-b`, each also with a step
-- `/n` (`a/n` is from a to the end), or a list of these with commas. If both
-- days are given (do not begin with `*`), one of them has to match. `@hourly`,
-- `@daily` or `@midnight`, `@weekly`, `@monthly`, `@yearly` or `@annually`
-- stand for what they say.
--
-- Times are local: one that the clocks leave out in spring does not come that
-- day, one that they repeat in autumn comes twice.
-- @module weft.cron_expression

local entries = require "weft.entries"
local options = require "weft.options"

local cron_expression = {}

local function numbered(names, first)
  local numbers, i = {}, first
  for name in names:gmatch "%a+" do numbers[name], i = i, i + 1 end
  return numbers
end

local fields = {
  { name = "minute", first = 0, last = 59 },
  { name = "hour", first = 0, last = 23 },
  { name = "day", first = 1, last = 31 },
  { name = "month", first = 1, last = 12,
    names = numbered("jan feb mar apr may jun jul aug sep oct nov dec", 1) },
  { name = "weekday", first = 0, last = 7,
    names = numbered("sun mon tue wed thu fri sat", 0) },
}

local shorthands = {
  ["@hourly"] = "0 * * * *", ["@daily"] = "0 0 * * *",
  ["@midnight"] = "0 0 * * *", ["@weekly"] = "0 0 * * 0",
  ["@monthly"] = "0 0 1 * *", ["@yearly"] = "0 0 1 1 *",
  ["@annually"] = "0 0 1 1 *",
}

local FORM = "five fields, minute, hour, day, month and weekday, or one of "
  .. "@hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually"

local longest = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

-- -- Parsing ------------------------------------------------------------------

-- Raises the error about a part of a field, which is wrong unless it `will_do`.
local function expect(field, part, will_do, wanted)
  options.expect("cron: " .. field.name,
    function() return not will_do and wanted or nil end, part, 5)
end

local function number_of(field, text, part)
  local number = tonumber(text:match "^%d+$")
    or field.names and field.names[text:lower()]
  expect(field, part, number and number >= field.first and number <= field.last,
    ("from %d to %d%s"):format(field.first, field.last,
      field.names and ", or a name's first three letters" or ""))
  return number
end

-- The first and last number of a range without its step.
local function bounds(field, range, part, step)
  if range == "*" then return field.first, field.last end
  local first, last = range:match "^([^-]+)-([^-]+)$"
  local from = number_of(field, first or range, part)
  local to = last and number_of(field, last, part)
    or step and field.last or from
  if to == 0 and field.name == "weekday" then to = from > 0 and 7 or 0 end
  return from, to
end

-- Adds the numbers of one part of a list to `set`.
local function add_part(field, part, set)
  local range, step = part:match "^([^/]+)/(%d+)$"
  local by = tonumber(step or 1)
  expect(field, part, by > 0, "with a step of at least 1")
  local from, to = bounds(field, range or part, part, step)
  expect(field, part, from <= to, "a range from the smaller to the greater")
  for number = from, to, by do set[number] = true end
end

local function parse_field(field, text)
  local set = {}
  for part in (text .. ","):gmatch "([^,]*)," do add_part(field, part, set) end
  if field.name == "weekday" and set[7] then set[0] = true end
  return set
end

-- Whether some year has one of the days: none has the 30th of February.
local function ever_comes(self)
  if self.any_day or not self.any_weekday then return true end
  for month in entries(self.month) do
    for day in entries(self.day) do
      if day <= longest[month] then return true end
    end
  end
  return false
end

-- When something is due.
---@class weft.CronSchedule
local Schedule = {}
local metatable = { __name = "weft.CronSchedule", __index = Schedule }

--- Makes a schedule of an expression. Raises ArgumentError, which names the
-- field that is wrong.
---@param text string
---@return weft.CronSchedule
function cron_expression.parse(text)
  local what = "cron: the expression"
  options.expect(what, options.text, text)
  local words = {}
  for word in (shorthands[text:lower()] or text):gmatch "%S+" do
    words[#words + 1] = word
  end
  options.expect(what, function() return #words ~= #fields and FORM or nil end,
    text)
  local self = setmetatable({}, metatable)
  for i, field in ipairs(fields) do
    self[field.name] = parse_field(field, words[i])
  end
  self.any_day = words[3]:sub(1, 1) == "*"
  self.any_weekday = words[5]:sub(1, 1) == "*"
  options.expect(what, function()
    if not ever_comes(self) then
      return "for days that exist, or it never comes"
    end
  end, text)
  return self
end

--- Whether `value` is a schedule.
---@return boolean
function cron_expression.is_schedule(value)
  return getmetatable(value) == metatable
end

-- -- The next time ------------------------------------------------------------

local function is_day(self, date)
  local day, weekday = self.day[date.day], self.weekday[date.wday - 1]
  if self.any_day or self.any_weekday then return day and weekday end
  return day or weekday
end

-- The beginning of a day after `time`, whose date is `date`; a month or day too
-- great runs over. Where the clocks leave out midnight, os.time may give a time
-- before `time`: then it is an hour later, so that the search goes on.
local function start_of_day(time, date, month, day)
  local at = os.time { year = date.year, month = month, day = day, hour = 0 }
  return at > time and at or time + (60 - date.min) * 60
end

--- The first time after `time` that matches; both in seconds as os.time gives
-- them.
---@param time number
---@return number
function Schedule:next(time)
  time = math.floor(time)
  time = time - os.date("*t", time).sec + 60
  while true do
    local date = os.date("*t", time)
    if not self.month[date.month] then
      time = start_of_day(time, date, date.month + 1, 1)
    elseif not is_day(self, date) then
      time = start_of_day(time, date, date.month, date.day + 1)
    elseif not self.hour[date.hour] then
      time = time + (60 - date.min) * 60
    elseif not self.minute[date.min] then
      time = time + 60
    else
      return time
    end
  end
end

return cron_expression
