--- Retry: a function that may fail is called again, after a pause.
--
-- Lua only, on the public API: `weft.try` tells failures from Cancelled, which
-- passes through it; so a cancelled caller is never retried.
-- @module weft.retry

local weft = require "weft"
local backoff = require "weft.backoff"
local entries = require "weft.entries"
local options = require "weft.options"

local retry = {}

local ATTEMPTS = 3
local EARLIER_MAX = 10 -- errors kept: attempts may go on for ever

local function matchers(value)
  local is_list = type(value) == "table" and #value > 0
  for _, x in ipairs(is_list and value or { value }) do
    local wanted = options.matcher(x)
    if wanted then return wanted .. ", or a list of these" end
  end
end

local kinds = {
  attempts = options.count(1, true),
  backoff = function() end, -- backoff.new looks at it
  on = matchers,
  timeout = options.positive,
}

-- -- Which errors -------------------------------------------------------------

-- A call that is wrong is wrong the next time too. (A group is told by its
-- members.)
local function is_no_misuse(err)
  return not (err.errors or err:is "ArgumentError"
    or err:is "InvalidStateError")
end

-- Whether one of the matchers takes the error; a group also if each of its
-- leaves is taken.
local function is_retried(on, err)
  for _, x in ipairs(on) do
    if err:is(x) then return true end
  end
  if not err.errors then return false end
  for _, leaf in ipairs(err:leaves()) do
    if not is_retried(on, leaf) then return false end
  end
  return true
end

-- -- Trying -------------------------------------------------------------------

-- The packed results of fn, or nil and an error object.
local function try_once(fn, attempt, timeout)
  local results
  local function body()
    local function pack(...) return { n = select("#", ...), ... } end
    results = pack(fn(attempt))
  end
  local _, err = weft.try(weft.timeout, timeout, body)
  return results, err
end

-- The error to raise: one that has left a task may belong to others as well, so
-- it is a copy that gets the fields.
local function with_earlier(err, attempts, earlier)
  if attempts == 1 then return err end
  local copy = { attempts = attempts, earlier = earlier }
  for key, value in entries(err) do
    if copy[key] == nil then copy[key] = value end
  end
  return setmetatable(copy, getmetatable(err))
end

--- Calls `fn(attempt)` until it returns, and returns its results. Between two
-- attempts it sleeps. The error of the last one is raised as an error object;
-- if there were others before it has `attempts`, how many there were in all,
-- and `earlier`, the list of the errors before, at most the latest 10.
--
-- opts:
--
-- - `attempts`: how many at most, 3 by default; math.huge: no limit;
-- - `backoff`: how long to sleep, see weft.backoff: a table `{first=0.1,
--   factor=2, max=30, jitter=0.5, seed=}`, a number of seconds, or a
--   function(attempt) that returns one;
-- - `on`: the errors that are retried: a class, its name, a predicate, or a
--   list of these; by default all but ArgumentError and InvalidStateError, for
--   a wrong call stays wrong. An ErrorGroup is retried if it matches or all
--   its leaves do;
-- - `timeout`: seconds for each attempt; one that takes longer fails with
--   TimeoutError, which is retried if `on` takes it.
--
-- Raises ArgumentError, and what fn raises. Parks. Cancelled, be it in fn or in
-- a pause, it raises that at once and calls fn no more.
---@param fn fun(attempt: number): ...
---@param opts table?
function retry.retry(fn, opts)
  options.expect("retry(fn, opts): fn", options.func, fn)
  opts = options.check("retry", opts, kinds)
  local pause = backoff.new("retry: backoff", opts.backoff)
  local on = opts.on or is_no_misuse
  if not options.matcher(on) then on = { on } end
  local attempt, earlier = 0, {}
  while true do
    attempt = attempt + 1
    local results, err = try_once(fn, attempt, opts.timeout)
    if results then return unpack(results, 1, results.n) end
    if attempt >= (opts.attempts or ATTEMPTS) or not is_retried(on, err) then
      error(with_earlier(err, attempt, earlier), 0)
    end
    earlier[#earlier + 1] = err
    if #earlier > EARLIER_MAX then table.remove(earlier, 1) end
    weft.sleep(pause(attempt))
  end
end

return retry
