--- How busted tells of the errors of tests in tasks: which line is named, what
-- stands in the message.
--
-- An error is caught where a task ends its part of a test, and raised again to
-- busted; so where it was is noted when it is raised first.
-- @module weft.testing.told

local errors = require "weft.error"
local failure = require "weft.testing.failure"
local frames = require "weft.testing.frames"
local seeds = require "weft.testing.seed"

local told = {}

local busted
local get_file, rewrite -- busted's own
local seed -- of what runs
local last = {} -- the last error: `err`, and its `trace`

-- -- Where --------------------------------------------------------------------

local function trim(info)
  info.traceback = info.traceback:sub(1, info.traceback:find "\n%s*%[C]")
  return info
end

local function in_words_of_file(element, info, message)
  info.message = errors.is_error(message) and tostring(message) or message
  local file = get_file(element)
  return file and file.getTrace(file.name, info) or trim(info)
end

-- Where nothing better is known: where the element stands in its file.
local function place_of(element)
  local trace = element.trace or {}
  return { short_src = trace.short_src or element.name or "?",
    currentline = trace.currentline or 0, traceback = trace.traceback or "",
    source = trace.source, what = trace.what }
end

-- As busted's own, but the line is always one of the user's.
local function get_trace(element, level, message)
  if message ~= nil and rawequal(message, last.err) then return last.trace end
  local info, at
  if errors.is_error(message) and message.frame then
    info = message.frame
    info.traceback = message.stack
  else
    info, at = frames.first(nil, level or 3)
    if info then info.traceback = debug.traceback("", at) end
  end
  return in_words_of_file(element, info or place_of(element), message)
end

--- Notes where the error was raised: to be called there.
function told.note(element, err)
  last = { err = err, trace = get_trace(element, 2, err) }
end

--- Has `shown` be raised in place of `err`, as from there.
---@return any shown
function told.replace(err, shown)
  if rawequal(last.err, err) then last.err = shown end
  return shown
end

-- -- What ---------------------------------------------------------------------

--- The seed of the runtime that runs, to be told with what fails in it.
---@param number number?
function told.use_seed(number) seed = number end

--- What is told of an error.
---@param message table an error object
---@return string
function told.text(message)
  if errors.is_cancelled(message) and message.source == "signal" then
    local place = message.traceback and frames.users(message.traceback) or ""
    return "interrupted by " .. tostring(message.reason)
      .. (place ~= "" and ", where it waited:\n" .. place or "")
  end
  if message.frame then return message.message end
  return failure.describe(message)
end

local function rewrite_message(element, message, trace)
  local number = not failure.is_pending(message) and seed or nil
  if errors.is_error(message) then message = told.text(message) end
  return rewrite(element, message, trace) .. seeds.text(number)
end

--- The name of a test or a describe, with those of the describes around it.
---@param element table
---@return string
function told.full_name(element)
  local names, around = {}, element
  while around and (around.name or around.descriptor)
      and around.descriptor ~= "file" do
    table.insert(names, 1, around.name or around.descriptor)
    around = busted.context.parent(around)
  end
  return table.concat(names, " ")
end

--- The same, with where it stands.
---@param element table
---@return string
function told.name(element)
  local trace = element.trace
  return (trace and ("%s:%d: "):format(trace.short_src, trace.currentline)
    or "") .. told.full_name(element)
end

--- Has busted tell so.
function told.install(busted_core)
  busted = busted_core
  get_file, rewrite = busted.getFile, busted.rewriteMessage
  busted.getTrace, busted.rewriteMessage = get_trace, rewrite_message
end

return told
