--- A supervisor: keeps children running, and starts again those that end.
--
-- Lua only, on the public API: the children are tasks of one group. How each
-- has ended is a letter in the supervisor's mailbox; `run` reads them one by
-- one and decides, so there is one place where anything is started or stopped.
-- The children themselves are in weft.supervisor_children.
-- @module weft.supervisor

local weft = require "weft"
local backoff = require "weft.backoff"
local options = require "weft.options"
local supervisor_children = require "weft.supervisor_children"

local supervisor = {}

local RESTARTS, PERIOD = 3, 5
local STOP = "stop" -- the letter of `stop`

--- What run raises when children end too often.
supervisor.SupervisorError = weft.error_class "SupervisorError"

-- A supervisor.
---@class weft.Supervisor
local Supervisor = {}
local metatable = { __name = "weft.Supervisor", __index = Supervisor }

local kinds = {
  strategy = options.one_of { "one_for_one", "all_for_one", "rest_for_one" },
  restarts = options.count(0, true), period = options.positive,
  backoff = function() end, -- backoff.new looks at it
  on_error = options.func,
}

--- Makes a supervisor of `children`, a list of `{name=, fn=, restart=}`, in the
-- order in which they are started. `restart` says whether a child that has
-- ended is started again: "always"; "on_failure", the default: if it raised or
-- was cancelled; "never". opts:
--
-- - `strategy`: who is started again with it: "one_for_one", the default:
--   nobody; "all_for_one": all; "rest_for_one": those after it in the list.
--   They are stopped first, the last one first; those that had ended stay so,
--   and so do those that are "never" restarted;
-- - `restarts`, `period`: with more than 3 restarts in 5 s, if nothing is said,
--   the supervisor fails;
-- - `backoff`: how long to wait before a restart, as in weft.retry; its attempt
--   is the number of restarts in the period. Default: not at all;
-- - `on_error(err, name)`: called in the supervisor's task for each failure
--   that it does not end by itself; default: it is reported.
--
-- Raises ArgumentError.
---@param children table
---@param opts table?
---@return weft.Supervisor
function supervisor.new(children, opts)
  opts = options.check("supervisor", opts, kinds)
  return setmetatable({
    family = supervisor_children.new(children, opts.on_error),
    strategy = opts.strategy or "one_for_one",
    restarts = opts.restarts or RESTARTS, period = opts.period or PERIOD,
    pause = opts.backoff
      and backoff.new("supervisor: backoff", opts.backoff),
  }, metatable)
end

-- -- Restarting ---------------------------------------------------------------

-- How many restarts there were in the last period, this one counted.
local function count_restart(self)
  local times, now = self.times, weft.now()
  table.insert(times, now)
  while times[1] <= now - self.period do table.remove(times, 1) end
  return #times
end

-- The places of the children that go down with the one at `i`.
local function affected(self, i)
  if self.strategy == "all_for_one" then return 1, #self.family end
  if self.strategy == "rest_for_one" then return i, #self.family end
  return i, i
end

local function restart(self, child, count)
  local wait = self.pause and self.pause(count) or 0
  local first, last = affected(self, child.place)
  for _, other in ipairs(self.family:stop(first, last, child)) do
    other.restarts = other.restarts + 1
    self.family:start(other, wait)
  end
end

-- A child has ended by itself. Returns the supervisor's error if that was once
-- too often.
local function handle_end(self, child, err)
  child.life = nil
  local count = self.family:is_restarted(child, err) and count_restart(self)
  if count and count > self.restarts then
    return supervisor.SupervisorError(
      ("child '%s' has %s: more than %d restarts in %g s are not allowed")
        :format(child.name, err and "failed" or "ended", self.restarts,
          self.period), { cause = err })
  end
  if err then self.family.on_error(err, child.name) end
  if count then restart(self, child, count) end
end

-- -- Running ------------------------------------------------------------------

-- Returns the error that ends it, if one does.
local function supervise(self)
  local family = self.family
  for _, child in ipairs(family) do family:start(child, 0) end
  local failure
  while family:is_any_alive() do
    local letter = family.mailbox:get()
    if letter == STOP then break end
    if letter.child.life == letter then
      failure = handle_end(self, letter.child,
        letter.err or letter.task:error())
    end
    if failure then break end
  end
  family:stop(1, #family)
  return failure
end

--- Starts the children and looks after them. Parks. Returns when all have ended
-- for good, or after `stop`. Raises SupervisorError, with the last failure as
-- its cause, when there were too many restarts; then all are stopped.
-- Cancelled, it cancels the children, all at once, waits for their end, and
-- raises that. InvalidStateError if it runs already.
function Supervisor:run()
  local family = self.family
  if family.mailbox then
    error(weft.trace(weft.InvalidStateError
      "supervisor:run: the supervisor runs already"), 0)
  end
  family.mailbox, self.times = weft.queue(), {}
  local failure
  weft.finally(function()
    weft.group(function(g)
      family.group = g
      failure = supervise(self)
    end)
  end, function()
    family.mailbox, family.group = nil, nil
    family:bury_all()
  end)
  if failure then error(weft.trace(failure), 0) end
end

--- Has `run` stop the children, the last one first, and return. Does not wait.
-- False if it does not run.
---@return boolean
function Supervisor:stop()
  if not self.family.mailbox then return false end
  self.family.mailbox:try_put(STOP)
  return true
end

--- The children in their order, each as `{name=, running=, restarts=}`.
---@return table
function Supervisor:children()
  local children = {}
  for i, child in ipairs(self.family) do
    children[i] = { name = child.name, running = child.life ~= nil,
      restarts = child.restarts }
  end
  return children
end

return supervisor
