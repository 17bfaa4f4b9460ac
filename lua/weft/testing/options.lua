--- The options of tests: for one test, for a describe, for all of them.
--
-- What a test has is looked for from the inside to the outside: its own (of
-- `testing.with`), those of each describe around it, its file's, those of the
-- project's helper, the environment's, the defaults.
-- @module weft.testing.options

local entries = require "weft.entries"
local errors = require "weft.error"
local is_count = require("weft.scope").is_count

local options = {}

local DEFAULT_TIMEOUT = 5

-- -- Checking -----------------------------------------------------------------
-- Each kind returns the value to be kept, or nil and what it must be.

local function flag(value)
  if type(value) == "boolean" then return value end
  return nil, "true or false"
end

local function timeout(value)
  if value == false then return math.huge end
  if type(value) == "number" and value > 0 then return value end
  return nil, "a number of seconds above 0, or false for no limit"
end

local function seed(value)
  if value == "random" or value == false or is_count(value, 0) then
    return value
  end
  return nil, "a whole number of 0 or more, \"random\", or false for none"
end

local kinds = { timeout = timeout, virtual = flag, seed = seed, leaks = flag,
  shared = flag, plain = flag }

local names = {}
for name in entries(kinds) do names[#names + 1] = name end
table.sort(names)

--- A checked copy of the options given to `call`, without those `refused`, a
-- set of names.
---@param call string
---@param given table?
---@param refused table?
---@return table
function options.check(call, given, refused)
  if given ~= nil and type(given) ~= "table" then
    errors.fail_argument(call .. ": options must be a table, got "
      .. errors.shown(given), 3)
  end
  local result = {}
  for name, value in entries(given or {}) do
    local kind = kinds[name]
    if not kind or refused and refused[name] then
      errors.fail_argument(("%s: there is no option '%s'%s; the options are %s")
        :format(call, tostring(name), kind and " here" or "",
          table.concat(names, ", ")), 3)
    end
    local kept, wanted = kind(value)
    if kept == nil then
      errors.fail_argument(("%s: %s must be %s, got %s"):format(call, name,
        wanted, errors.shown(value)), 3)
    end
    result[name] = kept
  end
  return result
end

-- -- The environment ----------------------------------------------------------

local function from_environment(variable, name, value)
  if value == nil or value == "" then return nil end
  local kept, wanted = kinds[name](tonumber(value) or value)
  if kept ~= nil then return kept end
  errors.fail_argument(("%s must be %s, got %q"):format(variable, wanted,
    value))
end

local all -- what all tests have, unless told otherwise

local function defaults()
  all = all or {
    guard = from_environment("WEFT_TEST_TIMEOUT", "timeout",
      os.getenv "WEFT_TEST_TIMEOUT") or DEFAULT_TIMEOUT,
    seed = from_environment("WEFT_SEED", "seed", os.getenv "WEFT_SEED")
      or false,
    virtual = false, leaks = true, shared = false, plain = false,
  }
  return all
end

-- -- By describe --------------------------------------------------------------

-- Those that were set, by the element of busted: a describe, a file, the suite.
local by_element = setmetatable({}, { __mode = "k" })

-- busted's context, told by the helper: `get()` and `parent(element)`.
local context

--- Has the options asked for in describes belong to busted's elements.
function options.use_context(busted_context) context = busted_context end

local NOT_OF_ALL = { shared = true }
local PLACES = { describe = true, file = true, suite = true }

--- Sets options for the describe or the file that is being read, and all tests
-- in it; in a helper of busted's, for all tests. `timeout`: seconds that each
-- of before_each, the test, finally and after_each may take, false for no
-- limit; `virtual`: on the virtual clock; `seed`: shuffles the turns; `leaks`:
-- false does not look for what is left; `shared`: setup and the tests of the
-- describe have one runtime; `plain`: outside any task. Raises ArgumentError
-- for others, and InvalidStateError where no describe is being read.
---@param given table
function options.set(given)
  local element = context and context.get()
  local is_suite = element and element.descriptor == "suite"
  local checked = options.check("testing.options(options)", given,
    is_suite and NOT_OF_ALL or nil)
  if not element then
    errors.fail_state("testing.options: busted does not run here with the "
      .. "helper weft.testing.busted")
  end
  if not PLACES[element.descriptor] then
    errors.fail_state("testing.options belongs in a describe or at the top of "
      .. "a file; for one test use it(name, testing.with(options, fn))")
  end
  local kept = by_element[element] or {}
  by_element[element] = kept
  for name, value in entries(checked) do kept[name] = value end
end

--- Forgets what was set: the element is about to be read anew.
function options.forget(element) by_element[element] = nil end

--- An option of the element itself, not of those around it.
function options.own(element, name)
  local kept = by_element[element]
  return kept and kept[name]
end

--- All options that hold in `element`; `own` are those of a test's own.
---@param element table
---@param own table?
---@return table
function options.of(element, own)
  local result, around = {}, element
  for name, value in entries(own or {}) do result[name] = value end
  while around do
    local is_root = context.parent(around) == nil
    for name, value in entries(by_element[around] or {}) do
      if is_root and name == "timeout" then name = "guard" end
      if result[name] == nil then result[name] = value end
    end
    around = context.parent(around)
  end
  return options.complete(result)
end

--- Adds to options what is set for all tests. A limit for all tests, `guard`,
-- is one of real time, so that a test on the virtual clock has its own only.
---@param given table
---@return table
function options.complete(given)
  for name, value in entries(defaults()) do
    if given[name] == nil then given[name] = value end
  end
  if given.timeout == nil then
    local is_virtual = given.virtual and not given.plain
    given.timeout = is_virtual and math.huge or given.guard
  end
  return given
end

return options
