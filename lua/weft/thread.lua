--- Functions in worker threads, each with a Lua state of its own.
-- @module weft.thread

require "weft.copy"
local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local opened = require "weft.opened"
local options = require "weft.options"
local report = require "weft.report"
local task = require "weft.task"

local thread = {}

local WORKERS_MAX = 40
local IDLE_SECONDS = 30
local ECLOSED, EHOST = codes.ECLOSED, codes.EHOST
local OPTIONS = { abandon_on_cancel = options.flag }

-- -- A call -------------------------------------------------------------------

local function awaited_by(err)
  local current = task.current()
  local by = current and ", awaited by task " .. current:name() or ""
  err.traceback = (err.traceback or "") .. by
  return err
end

local function outcome(ok, ...)
  if ok then return ... end
  error(awaited_by((...)), 0)
end

-- What a job that did not run to its end has failed with.
local function fail_job(call, code, parcel)
  if code == EHOST then
    error(errors.trace(errors.classes.Error(call
      .. ": no Lua state for a worker thread could be made: "
      .. core.parcel_text(parcel))), 0)
  elseif code == ECLOSED then
    return errors.fail(code, call .. ": the executor is shut down")
  end
  return errors.fail(code)
end

--- Packs the call fn(...) for another thread. Raises ArgumentError.
---@param call string whose messages it makes
---@param fn function
---@param ... any
function thread.pack(call, fn, ...)
  if type(fn) ~= "function" then
    errors.fail_argument(call .. "(fn, ...): fn must be a function, got "
      .. errors.shown(fn), 3)
  end
  return core.pack(call, fn, ...)
end

--- Runs a packed call in a thread of `pool` and waits for its end; returns its
-- results or raises its error. Parks.
---@param call string
---@param pool userdata
---@param parcel userdata
---@param abandon boolean
function thread.run_packed(call, pool, parcel, abandon)
  local code = core.work_run(pool, parcel, abandon, call)
  if code then fail_job(call, code, parcel) end
  return outcome(core.unpack(parcel))
end

--- Queues a packed call for a thread of `pool`, to be waited for once, by
-- `thread.await`, in a task.
function thread.start(call, pool, parcel, abandon)
  local code = core.work_start(pool, parcel, abandon)
  if code then fail_job(call, code, parcel) end
end

--- Waits for the end of a call that was queued; as run_packed. Parks.
function thread.await(call, parcel)
  local code = core.work_wait(parcel, call)
  if code then fail_job(call, code, parcel) end
  return outcome(core.unpack(parcel))
end

--- Parts the arguments (opts?, fn, ...) of a call. Returns whether it is to be
-- abandoned, and the rest.
---@param call string
---@param first any
---@param ... any
---@return boolean abandon
---@return any fn
---@return any ...
function thread.part(call, first, ...)
  if type(first) ~= "table" then return false, first, ... end
  local opts = options.check(call .. "(opts, fn, ...)", first, OPTIONS)
  return opts.abandon_on_cancel or false, ...
end

-- -- to_thread ----------------------------------------------------------------

local pool, pool_run

local function describe_running(of)
  local _, running, queued = core.workers_counts(of)
  if not running or running + queued == 0 then return nil end
  return "a call of weft.to_thread that still runs"
end

-- The pool of the present run.
local function own_pool()
  local run = core.run_id()
  if pool and pool_run == run then return pool end
  local code
  code, pool = core.workers_new(WORKERS_MAX, IDLE_SECONDS, "weft.to_thread")
  if code then errors.fail(code) end
  pool_run = run
  opened.note(pool, describe_running)
  return pool
end

local function run(abandon, fn, ...)
  local parcel = thread.pack("weft.to_thread", fn, ...)
  core.check_park "weft.to_thread"
  return thread.run_packed("weft.to_thread", own_pool(), parcel, abandon)
end

--- Calls `fn(...)` in a worker thread, one of at most 40, and returns its
-- results or raises its error. fn, its upvalues, arguments and results are
-- copied; globals are the worker's own, modules are required there anew. Raises
-- ArgumentError, which names what cannot be copied, before anything runs.
-- Parks. Cancelled while it waits for a worker, it did not happen; once fn
-- runs it is waited for, and Cancelled shows afterwards. With
-- `abandon_on_cancel` the thread is left alone instead: its results are
-- dropped, its error is reported.
---@param fn function|table fn, or `{ abandon_on_cancel = true }` before it
---@param ... any
function thread.to_thread(fn, ...)
  return run(thread.part("weft.to_thread", fn, ...))
end

--- For the C side: a job has ended whose task went away.
function thread.report_abandoned(code, parcel)
  if code == EHOST then
    return report.failure(errors.classes.Error(core.parcel_text(parcel)))
  elseif code ~= 0 then
    return report.failure(errors.from_code(code))
  end
  local ok, err = core.unpack(parcel)
  if not ok then report.failure(err) end
end

return thread
