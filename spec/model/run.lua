--- Runs a program on weft and in the model at once, and compares the two.
--
-- Each operation of a program is run at most once, so it can be named by its
-- number: task4 is the task that operation 4 spawned. What an operation raises
-- goes on as it does in any program; the runner only looks at it.
local weft = require "weft"
local report = require "weft.report"
local run_with = require("weft.run").run_with
local kinds = require "spec.model.kinds"
local worlds = require "spec.model.world"

local run = {}

local Run = {}
Run.__index = Run

-- The main task's body is cut off then: nothing in a program lasts that long,
-- so whoever still waits would wait for ever.
local LIMIT = 1000

-- Whoever waits then even so is in a deadlock of waits that are kept: a task
-- with a lock joins another that needs the lock to end.
local DEADLOCK = 10 * LIMIT

-- -- Errors ------------------------------------------------------------------

-- What a program raises itself: `fail 12`.
local function is_own_failure(text) return text:find "^fail %d+$" ~= nil end

--- A name for an error, the same for all that are to be equal.
local function signature(err)
  if type(err) == "string" then
    return is_own_failure(err) and err or "a bug of the model: " .. err
  end
  if type(err) ~= "table" then return "no error: " .. tostring(err) end
  if err.name == "Error" then return signature(err.message) end
  if err.name ~= "ErrorGroup" then return err.name end
  local members = {}
  for i, member in ipairs(err.errors) do members[i] = signature(member) end
  return "ErrorGroup(" .. table.concat(members, ", ") .. ")"
end
Run.signature = signature

-- -- What operations are run with --------------------------------------------

-- In words, for the log and for complaints.
function Run:say(task, op)
  return ("task%d, %s"):format(task.id, kinds.head(self.program, op))
end

local function outcome_text(ok, value)
  if not ok then return "raises " .. signature(value) end
  return value == nil and "returns" or "returns " .. tostring(value)
end

local function end_wait(self, task, op, wait, ok, ...)
  self.world:note(task, op, outcome_text(ok, (...)))
  self.world:end_wait(wait, self:say(task, op), ok, (...))
  if not ok then error((...), 0) end
  return ...
end

--- A call that may wait: `begin(wait)` is what the model makes of it where it
-- is not cancelled from the beginning; then real(...) is called.
function Run:wait(task, op, begin, real, ...)
  local wait = self.world:new_wait(task)
  if not wait.was_cancelled then begin(wait) end
  return end_wait(self, task, op, wait, pcall(real, ...))
end

--- As wait, for a call that waits first and then runs a function: real(entered)
-- calls `entered` at the beginning of that. Returns what pcall does.
function Run:wait_inside(task, op, begin, real)
  local wait, has_entered = self.world:new_wait(task), false
  if not wait.was_cancelled then begin(wait) end
  local function entered()
    has_entered = true
    self.world:note(task, op, "goes on")
    self.world:end_wait(wait, self:say(task, op), true)
  end
  local ok, value = pcall(real, entered)
  if not has_entered then
    self.world:note(task, op, outcome_text(ok, value))
    self.world:check(not ok, "%s never calls its function", self:say(task, op))
    self.world:end_wait(wait, self:say(task, op), ok, value)
  end
  return ok, value
end

--- Compares how a call ended, and goes into the log: it was to raise an error
-- named `err`, or, where that is not given, to return `expected` (nil: no
-- matter what).
function Run:settle(task, op, err, expected, ok, value)
  self.world:note(task, op, outcome_text(ok, value))
  local text = ok and "returns" or "raises " .. signature(value)
  local wanted = err and "raises " .. err or "returns"
  if text ~= wanted then
    self.world:complain("%s %s, but by the rules it %s", self:say(task, op),
      text, wanted)
  elseif ok and expected ~= nil and value ~= expected then
    self.world:complain("%s returns %s, but by the rules %s",
      self:say(task, op), tostring(value), tostring(expected))
  end
end

local function end_call(self, task, op, err, expected, ok, ...)
  self:settle(task, op, err, expected, ok, (...))
  if not ok and not op.is_tried then error((...), 0) end
  return ...
end

--- A call that never waits. Where the operation is tried, what it raises is
-- returned.
function Run:call(task, op, err, expected, real, ...)
  return end_call(self, task, op, err, expected, pcall(real, ...))
end

--- Runs a block in the task.
function Run:block(task, ops)
  for _, op in ipairs(ops) do kinds.ops[op.op].run(self, task, op) end
end

--- Runs fn(...) with `scope` as the task's innermost one; for use inside the
-- function that weft's own scope was given.
function Run:inside(task, scope, fn, ...)
  task.scope = scope
  local function leave(ok, ...)
    task.scope = scope.parent
    return ok, ...
  end
  return leave(pcall(fn, ...))
end

-- -- Tasks -------------------------------------------------------------------

--- The body of a spawned task.
function Run:task_body(task, ops)
  return function()
    self.world:check(not task.started, "task%d is started twice", task.id)
    task.started, task.real_id = true, self.api.current_task():id()
    local ok, err = pcall(self.block, self, task, ops)
    task.scope = task.own
    self.world:end_task(task, ok, err)
    if not ok then error(err, 0) end
    return task.id, nil, task.id
  end
end

--- Makes the handle by which others find what operation `op` has opened.
function Run:publish(op, handle) self.live[op.id] = handle end

-- -- The main task -----------------------------------------------------------

-- Ends what the program has left in the background, and what that spawns yet.
-- True if all has ended; it may be in a deadlock.
local function join_background(self)
  local cancelled, joined = 0, 0
  while self.background[joined + 1] do
    for i = cancelled + 1, #self.background do
      self.world:cancel(self.background[i].task.own)
      self.background[i].real:cancel()
      cancelled = i
    end
    joined = joined + 1
    local handle = self.background[joined]
    local task, real = handle.task, handle.real
    weft.move_on_after(LIMIT, function() pcall(real.await, real) end)
    if not task.state then return false end
    task.observed = true
  end
  return true
end

-- Calls what the objects' kinds have under that name.
local function each_object(self, name)
  for _, object in ipairs(self.objects) do
    local fn = kinds.objects[object.spec.kind][name]
    if fn then fn(self, object) end
  end
end

local function make_objects(self)
  for i, spec in ipairs(self.program.objects) do
    local object = kinds.objects[spec.kind].new(self, spec)
    object.spec = spec
    self.objects[i] = object
  end
end

local function main(self)
  local world, program = self.world, self.program
  world.now = weft.now
  local task = world:new_task(0, nil)
  task.started, task.real_id = true, self.api.current_task():id()
  make_objects(self)
  weft.call_later(DEADLOCK, function()
    world:freeze()
    each_object(self, "unlock")
  end)
  local ok, err = pcall(self.api.move_on_after, LIMIT, function()
    local scope = world:open_scope(task.scope, { timeout = LIMIT })
    local went_well, failure = self:inside(task, scope, self.block, self, task,
      program.body)
    world:close_scope(scope)
    if not went_well then error(failure, 0) end
  end)
  if program.joins then
    if join_background(self) then each_object(self, "check") end
  end
  each_object(self, "close")
  world:end_task(task, ok, err)
  world:cancel(world.root, "shutdown") -- [22.2]
  if not ok then error(err, 0) end
end

-- -- After the end -----------------------------------------------------------

local function check_tasks(world)
  for _, task in ipairs(world.tasks) do
    world:check(task.started, "task%d was never started", task.id)
    world:check(task.state, "task%d has never ended", task.id)
  end
end

-- No failure is lost and none told twice: each was observed or is reported
-- [4.12].
local function check_reports(world, reports)
  local expected, actual = {}, {}
  for _, text in ipairs(world.reports) do table.insert(expected, text) end
  for _, task in ipairs(world.tasks) do
    if task.state == "failed" and not task.observed and task.id ~= 0 then
      table.insert(expected, signature(task.err))
    end
  end
  for _, err in ipairs(reports) do table.insert(actual, signature(err)) end
  table.sort(expected)
  table.sort(actual)
  expected, actual = table.concat(expected, "; "), table.concat(actual, "; ")
  world:check(expected == actual,
    "reported are {%s}, but by the rules {%s}", actual, expected)
end

local function check_outcome(world, ok, err)
  local main_task = world.tasks[1]
  if not main_task or not main_task.state then
    return world:complain("the run ended before its main task, by: %s",
      tostring(err))
  end
  local expected = main_task.state == "failed" and signature(main_task.err)
  local actual = not ok and signature(err)
  world:check(expected == actual, "the run %s, but its main task %s",
    ok and "returns" or "raises " .. actual, expected and "raises " .. expected
      or "returns")
end

--- Runs the program; `seed` shuffles each turn, nil does not. Returns the
-- world: world.problem is what was wrong, nil if nothing. `api` stands in for
-- weft.
function run.run(program, seed, api)
  local self = setmetatable({
    program = program, api = api or weft,
    live = {}, objects = {}, time_limits = {},
    world = worlds.new(signature), background = {},
  }, Run)
  local reports = {}
  report.set_receiver(function(_, _, err) table.insert(reports, err) end)
  local ok, err = pcall(run_with, { virtual = true, seed = seed }, main, self)
  report.set_receiver(nil)
  self.world.now = worlds.no_clock
  if not self.world.stuck then
    each_object(self, "after")
    check_outcome(self.world, ok, err)
    check_tasks(self.world)
    check_reports(self.world, reports)
  end
  return self.world
end

return run
