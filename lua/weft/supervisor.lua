--- A supervisor: keeps children running, and starts again those that end.
--
-- Lua only, on the public API: the children are tasks of one group. How each
-- has ended is a letter in the supervisor's mailbox; `run` reads them one by
-- one and decides, so there is one place where anything is started or stopped.
-- @module weft.supervisor

local weft = require "weft"
local backoff = require "weft.backoff"
local errors = require "weft.error"
local options = require "weft.options"
local report = require "weft.report"

local supervisor = {}

local RESTARTS, PERIOD = 3, 5
local STOP = "stop" -- the letter of `stop`

--- What run raises when children end too often.
supervisor.SupervisorError = errors.error_class "SupervisorError"

-- A supervisor.
---@class weft.Supervisor
local Supervisor = {}
local metatable = { __name = "weft.Supervisor", __index = Supervisor }

local child_kinds = {
  name = options.text, fn = options.func,
  restart = options.one_of { "always", "on_failure", "never" },
}
local kinds = {
  strategy = options.one_of { "one_for_one", "all_for_one", "rest_for_one" },
  restarts = options.count(0, true), period = options.positive,
  backoff = function() end, -- backoff.new looks at it
  on_error = options.func,
}

-- -- Children -----------------------------------------------------------------
-- A child has, while it runs, a `life`: its task, and in the end its error. A
-- letter about a life that the child does not have any more is out of date.

local function tell(self, child, err)
  if self.on_error then return self.on_error(err, child.name) end
  report.report(report.FAILURE, child.name, err)
end

local function live(life, wait)
  local _, err = weft.try(function()
    if wait > 0 then weft.sleep(wait) end
    life.child.fn()
  end)
  life.err = err
end

local function start(self, child, wait)
  local life, mailbox = { child = child }, self.mailbox
  life.task = self.group:spawn(child.name, live, life, wait)
  life.task:add_done_callback(function() mailbox:try_put(life) end)
  child.life = life
end

-- Ends a life that nobody reads a letter about.
local function bury(self, child)
  local life = child.life
  child.life = nil
  if life.err then tell(self, child, life.err) end
end

local function is_restarted(child, err)
  return child.restart == "always"
    or child.restart == "on_failure" and err ~= nil
end

-- Stops the children `first` to `last`, the last one first, each to its end.
-- Returns those that are to run again: it may be that one has just ended.
local function stop_children(self, first, last)
  local stopped = {}
  for i = last, first, -1 do
    local child = self.list[i]
    local life = child.life
    if life then
      local was_cut_off = life.task:cancel "stopped by its supervisor"
      weft.wait { life.task }
      bury(self, child)
      if was_cut_off and child.restart ~= "never"
          or is_restarted(child, life.err) then
        table.insert(stopped, 1, child)
      end
    end
  end
  return stopped
end

local function is_any_alive(self)
  for _, child in ipairs(self.list) do
    if child.life then return true end
  end
  return false
end

-- -- Restarting ---------------------------------------------------------------

-- How many restarts there were in the last period, this one counted.
local function count_restart(self)
  local now, recent = weft.now(), {}
  for _, time in ipairs(self.times) do
    if time > now - self.period then recent[#recent + 1] = time end
  end
  recent[#recent + 1] = now
  self.times = recent
  return #recent
end

-- The places of the children that go down with the one at `i`.
local function affected(self, i)
  if self.strategy == "all_for_one" then return 1, #self.list end
  if self.strategy == "rest_for_one" then return i, #self.list end
  return i, i
end

local function restart(self, child, count)
  local wait = self.pause and self.pause(count) or 0
  local stopped = stop_children(self, affected(self, child.place))
  table.insert(stopped, child)
  table.sort(stopped, function(a, b) return a.place < b.place end)
  for _, other in ipairs(stopped) do
    other.restarts = other.restarts + 1
    start(self, other, wait)
  end
end

-- A child has ended by itself. Returns the supervisor's error if that was once
-- too often.
local function handle_end(self, child, err)
  child.life = nil
  local count = is_restarted(child, err) and count_restart(self)
  if count and count > self.restarts then
    return supervisor.SupervisorError(
      ("child '%s' has %s: more than %d restarts in %g s are not allowed")
        :format(child.name, err and "failed" or "ended", self.restarts,
          self.period), { cause = err })
  end
  if err then tell(self, child, err) end
  if count then restart(self, child, count) end
end

-- -- The public part ----------------------------------------------------------

local function check_children(specs)
  local is_list = type(specs) == "table" and #specs > 0
  if not is_list then
    errors.fail_argument("supervisor(children, opts): children must be a list "
      .. "of at least one {name=, fn=, restart=}, got "
      .. (type(specs) == "table" and "none" or errors.shown(specs)), 3)
  end
  local list = {}
  for i, spec in ipairs(specs) do
    local what = "supervisor: child " .. i
    options.expect(what, function(value)
      if type(value) ~= "table" then return "a table" end
    end, spec, 3)
    options.check(what, spec, child_kinds)
    options.expect(what .. ": name", options.text, spec.name, 3)
    options.expect(what .. ": fn", options.func, spec.fn, 3)
    list[i] = { place = i, name = spec.name, fn = spec.fn, restarts = 0,
      restart = spec.restart or "on_failure" }
  end
  return list
end

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
  local list = check_children(children)
  opts = options.check("supervisor", opts, kinds)
  return setmetatable({
    list = list, strategy = opts.strategy or "one_for_one",
    restarts = opts.restarts or RESTARTS, period = opts.period or PERIOD,
    pause = opts.backoff
      and backoff.new("supervisor: backoff", opts.backoff),
    on_error = opts.on_error,
  }, metatable)
end

local function supervise(self)
  for _, child in ipairs(self.list) do start(self, child, 0) end
  while is_any_alive(self) do
    local letter = self.mailbox:get()
    local failure
    if letter ~= STOP and letter.child.life == letter then
      failure = handle_end(self, letter.child,
        letter.err or letter.task:error())
    end
    if letter == STOP or failure then
      stop_children(self, 1, #self.list)
      return failure
    end
  end
end

--- Starts the children and looks after them. Parks. Returns when all have ended
-- for good, or after `stop`. Raises SupervisorError, with the last failure as
-- its cause, when there were too many restarts; then all are stopped.
-- Cancelled, it cancels the children, all at once, waits for their end, and
-- raises that. InvalidStateError if it runs already.
function Supervisor:run()
  if self.mailbox then
    errors.fail_state "supervisor:run: the supervisor runs already"
  end
  self.mailbox, self.times = weft.queue(), {}
  local failure
  weft.finally(function()
    weft.group(function(g)
      self.group = g
      failure = supervise(self)
    end)
  end, function()
    self.mailbox, self.group = nil, nil
    for _, child in ipairs(self.list) do
      if child.life then bury(self, child) end
    end
  end)
  if failure then error(errors.trace(failure), 0) end
end

--- Has `run` stop the children, the last one first, and return. Does not wait.
-- False if it does not run.
---@return boolean
function Supervisor:stop()
  if not self.mailbox then return false end
  self.mailbox:try_put(STOP)
  return true
end

--- The children in their order, each as `{name=, running=, restarts=}`.
---@return table
function Supervisor:children()
  local children = {}
  for i, child in ipairs(self.list) do
    children[i] = { name = child.name, running = child.life ~= nil,
      restarts = child.restarts }
  end
  return children
end

return supervisor
