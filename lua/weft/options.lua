--- Options: every name is known, every value is of its kind.
--
-- A kind is a function that gets a value and returns nil if that will do, else
-- in words what it must be: "a function". A new kind is a new function.
-- @module weft.options

local callable = require "weft.callable"
local entries = require "weft.entries"
local errors = require "weft.error"
local is_count = require("weft.scope").is_count

local options = {}

-- -- Kinds --------------------------------------------------------------------

--- A function, or what is called as one.
function options.func(value)
  if not callable.is(value) then return "a function" end
end

--- A table.
function options.table(value)
  if type(value) ~= "table" then return "a table" end
end

--- true or false.
function options.flag(value)
  if type(value) ~= "boolean" then return "true or false" end
end

--- A string that is not empty.
function options.text(value)
  if type(value) ~= "string" or value == "" then
    return "a string that is not empty"
  end
end

--- A time span that may be zero or infinite.
function options.seconds(value)
  local will_do = type(value) == "number" and value >= 0
  if not will_do then return "a number of seconds of 0 or more" end
end

--- A number above zero, which may be infinite.
function options.positive(value)
  local will_do = type(value) == "number" and value > 0
  if not will_do then return "a number above 0" end
end

--- What `err:is` takes: a class of errors, its name, or a predicate.
function options.matcher(value)
  if not errors.is_matcher(value) then
    return "a class of errors, its name or a predicate"
  end
end

--- Makes the kind of lists of at least one; `members` says of what, in words.
---@param members string
function options.list(members)
  return function(value)
    if type(value) ~= "table" or #value == 0 then
      return "a list of at least one " .. members
    end
  end
end

--- Makes the kind of whole numbers of at least `least`; with `unlimited`
-- math.huge will do too.
---@param least number
---@param unlimited boolean?
function options.count(least, unlimited)
  return function(value)
    if is_count(value, least) or unlimited and value == math.huge then
      return nil
    end
    return "a whole number of at least " .. least
      .. (unlimited and ", or math.huge" or "")
  end
end

local function listed(names, last_word)
  if #names < 2 then return names[1] end
  return table.concat(names, ", ", 1, #names - 1) .. " " .. last_word .. " "
    .. names[#names]
end

--- Makes the kind of some strings.
---@param names string[]
function options.one_of(names)
  return function(value)
    for _, name in ipairs(names) do
      if value == name then return nil end
    end
    return listed(names, "or")
  end
end

-- -- Checking -----------------------------------------------------------------

local function shown(value)
  if type(value) == "table" and next(value) == nil then
    return "an empty table"
  end
  return errors.shown(value)
end

--- Raises ArgumentError if `value` is not of the kind. `what` says which value
-- that is, as in "retry(fn, opts): fn".
---@param what string
---@param kind function
---@param value any
---@param level number? whose stack the error shows: 1 is the caller, 2, its
-- caller, the default
function options.expect(what, kind, value, level)
  local wanted = kind(value)
  if not wanted then return end
  errors.fail_argument(what .. " must be " .. wanted .. ", got "
    .. shown(value), (level or 2) + 1)
end

--- Raises ArgumentError for an option that is not among the names of `kinds`.
---@param call string the function's name
---@param name any
---@param kinds table
---@param level number whose stack the error shows: 1 is the caller
function options.fail_unknown(call, name, kinds, level)
  local names = {}
  for known in entries(kinds) do
    if type(known) == "string" then names[#names + 1] = known end
  end
  table.sort(names)
  errors.fail_argument(("%s: there is no option '%s'; there %s %s"):format(call,
    tostring(name), #names == 1 and "is" or "are", listed(names, "and")),
    level + 1)
end

--- Returns `opts`, or an empty table for nil. Raises ArgumentError for what is
-- no table, for a name that `kinds` has not, for a value not of its kind.
---@param call string the function's name
---@param opts table?
---@param kinds table kinds by names
---@return table
function options.check(call, opts, kinds)
  if opts == nil then return {} end
  if type(opts) ~= "table" then
    errors.fail_argument(call .. ": opts must be a table, got "
      .. errors.shown(opts), 3)
  end
  for name, value in entries(opts) do
    if not kinds[name] then options.fail_unknown(call, name, kinds, 3) end
    options.expect(call .. ": " .. tostring(name), kinds[name], value, 3)
  end
  return opts
end

return options
