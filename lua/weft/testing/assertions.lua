--- Assertions about errors, for luassert and so for busted.
--
-- Requiring the module registers two, which call the function they are given
-- (it may park), or look at an error that was caught before, and return the
-- error. A cancellation is passed on: it is not what the test is about.
--
-- `assert.raises_error(x, fn, fields)`: the error is what `x` says, a matcher
-- of `weft.testing.error_match`; its message contains or matches `fields`, if
-- that is a string, or it has those fields.
--
-- `assert.error_group(list, fn, message)`: it is an ErrorGroup whose members
-- are what the list says, each matcher one member, in any order or, with
-- `ordered = true` in the list, in the order in which they happened. If not, a
-- tree of what was expected, one of what was there, and the difference.
-- @module weft.testing.assertions

local callable = require "weft.callable"
local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local luassert = require "luassert"
local match = require "weft.testing.error_match"

local assertions = {}

local function is_callable(x)
  return callable.is(x) and not errors.is_class(x)
end

-- The error that `subject` is or raises; whether there was one.
local function caught(subject)
  if not is_callable(subject) then return subject ~= nil, subject end
  local ok, err = xpcall(subject, errors.trace)
  if ok then return false end
  if errors.is_cancelled(err) and core.cancellation() then error(err, 0) end
  return true, err
end

-- -- What is said when it fails ----------------------------------------------

local function indent(text) return "  " .. text:gsub("\n", "\n  ") end

local function section(lines, head, list, say)
  if #list == 0 then return end
  lines[#lines + 1] = head
  for _, item in ipairs(list) do
    lines[#lines + 1] = "  - " .. say(item):gsub("\n", "\n    ")
  end
end

local function found_text(raised, err, wanted)
  if not raised then return "Nothing was raised." end
  return "Found:\n" .. indent(match.show(err, wanted))
end

local CALLED_HERE = "\n%s*%[C%]: in function 'xpcall'"
  .. "\n[^\n]*testing/assertions%.lua:"

-- Up to the call of what was given.
local function where_text(raised, err)
  local traceback = raised and errors.is_error(err) and err.traceback
  if not traceback then return nil end
  return "Raised at:\n" .. traceback:sub(1,
    (traceback:find(CALLED_HERE) or 0) - 1)
end

local function compose(...)
  local lines = {}
  for i = 1, select("#", ...) do lines[#lines + 1] = (select(i, ...)) end
  return table.concat(lines, "\n")
end

-- luassert adds the failure message of its own to nothing, for no text of that
-- name is registered, and formats no argument.
local function tell(state, arguments, text, own)
  state.failure_message = own ~= nil and tostring(own) .. "\n" .. text or text
  arguments.n = 0
end

-- It is missing, which is no nil that was caught.
local function check_subject(arguments, call)
  if arguments.n >= 2 then return end
  errors.fail_argument(call .. ": fn is missing: the function that is to be "
    .. "called, or an error that was caught", 0)
end

-- -- assert.raises_error -----------------------------------------------------

local function complete(wanted, fields)
  if fields == nil then return wanted end
  local all = { is = wanted }
  if type(fields) == "string" then fields = { message = fields } end
  for name, value in entries(fields) do all[name] = value end
  return all
end

local function check_rest(fields)
  if fields == nil or type(fields) == "string"
    or type(fields) == "table" and not errors.is_error(fields) then
    return
  end
  errors.fail_argument("raises_error(x, fn, fields): fields must be a pattern "
    .. "for the message, or a table of fields, got " .. errors.shown(fields), 0)
end

local function raises_error(state, arguments)
  local wanted, subject, fields = arguments[1], arguments[2], arguments[3]
  match.check(wanted, "raises_error(x, fn): x")
  check_subject(arguments, "raises_error(x, fn)")
  check_rest(fields)
  wanted = complete(wanted, fields)
  local raised, err = caught(subject)
  tell(state, arguments, compose(
    "Expected" .. (state.mod and "" or " anything but") .. ":\n"
      .. indent(match.say(wanted)), found_text(raised, err, wanted),
    where_text(raised, err)))
  return raised and match.is_match(err, wanted), { err }
end

-- -- assert.error_group ------------------------------------------------------

-- Returns the error whose place is to be shown.
local function differences(lines, wanted, raised, err)
  if not raised or not errors.is_error(err) or not err.errors then
    return err
  end
  local missing, rest = match.members(err.errors, wanted)
  section(lines, "Missing:", missing, match.say)
  section(lines, "Not expected:", rest, match.show)
  return rest[1] or err
end

local function error_group(state, arguments)
  local wanted, subject = arguments[1], arguments[2]
  match.check_list(wanted, "error_group(members, fn): members")
  check_subject(arguments, "error_group(members, fn)")
  local raised, err = caught(subject)
  local lines = { "Expected" .. (state.mod and "" or " anything but") .. ":\n"
    .. indent(match.say(wanted)), found_text(raised, err) }
  local shown = err
  if state.mod then shown = differences(lines, wanted, raised, err) end
  lines[#lines + 1] = where_text(raised, shown)
  tell(state, arguments, table.concat(lines, "\n"), arguments[3])
  return raised and match.is_match(err, wanted), { err }
end

luassert:register("assertion", "raises_error", raises_error)
luassert:register("assertion", "error_group", error_group)

return assertions
