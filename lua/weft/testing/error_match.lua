--- What an error is expected to be, and whether it is that.
--
-- A matcher is a class of errors, its name, or a function that is called with
-- the error; an error object, for that very object; a list of matchers, for an
-- ErrorGroup with these members; or a table of fields, where `is` is any of
-- these, `message` a Lua pattern or a piece of the message, `errors` a list as
-- for a group, and every other name a field of the error's with that value.
-- @module weft.testing.error_match

local entries = require "weft.entries"
local errors = require "weft.error"

local match = {}

-- -- Arguments ---------------------------------------------------------------

local function is_list(x)
  return type(x) == "table" and not errors.is_class(x)
    and not errors.is_error(x) and x[1] ~= nil
end

local function fail(what, message, shown)
  local is_empty = type(shown) == "table" and next(shown) == nil
  errors.fail_argument(("%s %s, got %s"):format(what, message,
    is_empty and "an empty table" or errors.shown(shown)), 0)
end

local check_any

--- Raises ArgumentError unless `list` is a list of matchers.
---@param list any
---@param what string
function match.check_list(list, what)
  if not is_list(list) then
    fail(what, "must be a list of what the members are expected to be", list)
  end
  for i = 1, #list do check_any(list[i], ("%s[%d]"):format(what, i)) end
end

local function check_fields(fields, what)
  if next(fields) == nil then
    errors.fail_argument(what .. " must not be an empty table", 0)
  end
  if fields.is ~= nil then check_any(fields.is, what .. " field is") end
  if fields.message ~= nil and type(fields.message) ~= "string" then
    fail(what, "field message must be a string", fields.message)
  end
  if fields.errors ~= nil then
    match.check_list(fields.errors, what .. " field errors")
  end
end

--- Raises ArgumentError unless `x` is a matcher.
---@param x any
---@param what string who needs it
function check_any(x, what)
  if errors.is_matcher(x) or errors.is_error(x) then return end
  if is_list(x) then return match.check_list(x, what) end
  if type(x) == "table" then return check_fields(x, what) end
  fail(what, "must be a class of errors, its name, a function, an error or a "
    .. "table of fields", x)
end
match.check = check_any

-- -- Matching ----------------------------------------------------------------

local function has_message(err, wanted)
  local text = tostring(err.message)
  if text:find(wanted, 1, true) then return true end
  local ok, found = pcall(string.find, text, wanted)
  return ok and found ~= nil
end

local is_match

local function has_fields(err, fields)
  for name, value in entries(fields) do
    local good
    if name == "is" then good = is_match(err, value)
    elseif name == "message" then good = has_message(err, value)
    elseif name == "errors" then good = is_match(err, value)
    else good = err[name] == value end
    if not good then return false end
  end
  return true
end

local function is_match_of_list(err, list)
  if not err.errors then return false end
  local missing, rest = match.members(err.errors, list)
  return #missing == 0 and #rest == 0
end

--- Whether the error is what the matcher says. What is no error object matches
-- a function only.
---@param err any
---@param x any a matcher
---@return boolean
function is_match(err, x)
  if type(x) == "function" then return x(err) and true or false end
  if not errors.is_error(err) then return false end
  if errors.is_error(x) then return rawequal(err, x) end
  if errors.is_matcher(x) then return err:is(x) end
  if is_list(x) then return is_match_of_list(err, x) end
  return has_fields(err, x)
end
match.is_match = is_match

-- One matcher after the other is given a member; those before move on to
-- another of theirs where that helps. taken: member's number -> matcher's.
local function find_place(fits, matcher, taken, tried)
  for member in entries(fits[matcher]) do
    if not tried[member] then
      tried[member] = true
      local holder = taken[member]
      if not holder or find_place(fits, holder, taken, tried) then
        taken[member] = matcher
        return true
      end
    end
  end
  return false
end

local function find_fits(members, list)
  local fits = {}
  for i = 1, #list do
    fits[i] = {}
    for k, member in ipairs(members) do
      if is_match(member, list[i]) then fits[i][k] = true end
    end
  end
  return fits
end

local function left_of(members, taken)
  local rest = {}
  for k, member in ipairs(members) do
    if not taken[k] then rest[#rest + 1] = member end
  end
  return rest
end

local function pair_in_order(members, list)
  local missing, taken = {}, {}
  for i = 1, #list do
    if members[i] ~= nil and is_match(members[i], list[i]) then taken[i] = i
    else missing[#missing + 1] = list[i] end
  end
  return missing, left_of(members, taken)
end

local function pair_in_any_order(members, list)
  local fits, missing, taken = find_fits(members, list), {}, {}
  for i = 1, #list do
    if not find_place(fits, i, taken, {}) then
      missing[#missing + 1] = list[i]
    end
  end
  return missing, left_of(members, taken)
end

--- Pairs the members with the matchers of the list, in any order unless that
-- has `ordered = true`. Returns the matchers and the members that are left.
---@param members table
---@param list table
---@return table missing
---@return table rest
function match.members(members, list)
  local pair = list.ordered and pair_in_order or pair_in_any_order
  return pair(members, list)
end

-- -- Saying ------------------------------------------------------------------

local say

local function say_members(list, indent)
  local lines = {}
  for i = 1, #list do
    lines[i] = indent .. "- " .. say(list[i], indent .. "  ")
  end
  return table.concat(lines, "\n")
end

local function shown(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

-- The fields, but for those in `but`, with their values in `values`.
local function with_fields(fields, values, but)
  local names, words = {}, {}
  for name in entries(fields) do
    if not but[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    words[#words + 1] = ("%s %s"):format(name, shown(values[name]))
  end
  return #words > 0 and " with " .. table.concat(words, ", ") or ""
end

local NO_FIELDS = { is = true, errors = true }

local function say_fields(fields, indent)
  local head = fields.is == nil and "an error" or say(fields.is, indent)
  head = head .. with_fields(fields, fields, NO_FIELDS)
  if not fields.errors then return head end
  return head .. ", a group of\n" .. say_members(fields.errors, indent)
end

--- What a matcher expects, in words; a group as a tree.
---@param x any
---@param indent string? of what follows the first line
---@return string
function say(x, indent)
  indent = indent or "  "
  if type(x) == "string" then return x end
  if type(x) == "function" then return "an error that the function accepts" end
  if errors.is_class(x) then return x.name end
  if errors.is_error(x) then return "the very error " .. tostring(x) end
  if not is_list(x) then return say_fields(x, indent) end
  return (x.ordered and "ErrorGroup, in this order, of\n" or "ErrorGroup of\n")
    .. say_members(x, indent)
end
match.say = say

local SEEN = { is = true, errors = true, message = true }

-- What the error has in the fields that the matcher asks for.
local function found_fields(err, x)
  if type(x) ~= "table" or errors.is_class(x) or errors.is_error(x)
    or is_list(x) then
    return ""
  end
  return with_fields(x, err, SEEN)
end

--- An error as it is shown beside that: as a tree, with its task, and with the
-- fields that `x` asks for.
---@param err any
---@param x any a matcher
---@return string
function match.show(err, x)
  if not errors.is_error(err) then
    return "no error object: " .. errors.shown(err)
  end
  local first, rest = tostring(err):match "^([^\n]*)(.*)$"
  return first .. found_fields(err, x)
    .. (err.task and " (in " .. err.task .. ")" or "") .. rest
end

return match
