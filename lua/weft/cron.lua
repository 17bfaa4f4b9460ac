--- Cron: a function called at times of the calendar.
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
-- @module weft.cron

local weft = require "weft"
local errors = require "weft.error"
local options = require "weft.options"

local cron = {}

local NAP = 60 -- the wall clock may be set; so often it is looked at

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

local longest = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

-- -- Parsing ------------------------------------------------------------------

local function fail_field(field, text, why)
  errors.fail_argument(("cron: %s %s: %s"):format(field.name,
    errors.shown(text), why), 4)
end

local function number_of(field, text, part)
  local number = tonumber(text:match "^%d+$")
    or field.names and field.names[text:lower()]
  if number and number >= field.first and number <= field.last then
    return number
  end
  fail_field(field, part, ("must be from %d to %d%s"):format(field.first,
    field.last, field.names and ", or a name's first three letters" or ""))
end

-- Adds the numbers of one part of a list to `set`.
local function add_part(field, part, set)
  local range, step = part:match "^([^/]+)/(%d+)$"
  local by = tonumber(step or 1)
  if by == 0 then fail_field(field, part, "the step must be at least 1") end
  range = range or part
  local from, to = range:match "^([^-]+)-([^-]+)$"
  if range == "*" then from, to = field.first, field.last
  elseif from then
    from, to = number_of(field, from, part), number_of(field, to, part)
    if to == 0 and field.name == "weekday" then to = 7 end
  else
    from = number_of(field, range, part)
    to = step and field.last or from
  end
  if from > to then
    fail_field(field, part, "a range goes from the smaller to the greater")
  end
  for number = from, to, by do set[number] = true end
end

local function parse_field(field, text)
  local set = {}
  for part in (text .. ","):gmatch "([^,]*)," do add_part(field, part, set) end
  if field.name == "weekday" and set[7] then set[0] = true end
  return set
end

-- Refuses what no year has, like the 30th of February.
local function check_days(self, text)
  if self.any_day or not self.any_weekday then return end
  for month in pairs(self.month) do
    for day in pairs(self.day) do
      if day <= longest[month] then return end
    end
  end
  errors.fail_argument(("cron: %s never comes: none of its months has such a "
    .. "day"):format(errors.shown(text)), 3)
end

-- When to call.
---@class weft.CronSchedule
local Schedule = {}
local metatable = { __name = "weft.CronSchedule", __index = Schedule }

--- Makes a schedule of an expression. Raises ArgumentError, which names the
-- field that is wrong.
---@param text string
---@return weft.CronSchedule
function cron.parse(text)
  options.expect("cron: the expression", options.text, text)
  local words = {}
  for word in (shorthands[text:lower()] or text):gmatch "%S+" do
    words[#words + 1] = word
  end
  if #words ~= #fields then
    errors.fail_argument(("cron: %s must have five fields, minute, hour, day, "
      .. "month and weekday, or be one of @hourly, @daily, @midnight, @weekly, "
      .. "@monthly, @yearly, @annually"):format(errors.shown(text)))
  end
  local self = setmetatable({}, metatable)
  for i, field in ipairs(fields) do
    self[field.name] = parse_field(field, words[i])
  end
  self.any_day = words[3]:sub(1, 1) == "*"
  self.any_weekday = words[5]:sub(1, 1) == "*"
  check_days(self, text)
  return self
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

-- -- Running ------------------------------------------------------------------

--- Calls `fn(time)` at each time that the expression, or a schedule made by
-- `cron.parse`, says, in this task, until it is cancelled or fn raises. `time`
-- is when it was due. Times that come while fn runs are left out. `clock` gives
-- the time of day in seconds, as os.time does, which is the default.
--
-- Parks before each call. Raises ArgumentError, and what fn raises.
---@param expression string|weft.CronSchedule
---@param fn fun(time: number)
---@param clock (fun(): number)?
function cron.cron(expression, fn, clock)
  local schedule = expression
  if getmetatable(schedule) ~= metatable then
    schedule = cron.parse(expression)
  end
  options.expect("cron(expression, fn, clock): fn", options.func, fn)
  clock = clock or function() return os.time() end
  options.expect("cron(expression, fn, clock): clock", options.func, clock)
  while true do
    local due = schedule:next(clock())
    repeat
      weft.sleep(math.min(due - clock(), NAP))
    until clock() >= due
    fn(due)
  end
end

return cron
