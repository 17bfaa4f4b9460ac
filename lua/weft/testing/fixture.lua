--- Fixtures: what tests need, made when it is asked for and taken down again at
-- the end of the test.
--
-- A fixture is a function that yields once, as `weft.context` takes it: what
-- comes before makes the value, what comes after takes it down. It may park in
-- both, and ask for other fixtures, which then outlive it. In a test all who
-- ask for the same one get the same value.
--
-- One that has a group, scope or timeout open at its yield governs the function
-- that asks for it, be that the test or its before_each, and is taken down at
-- the end of that: a failure in the group cuts the function off.
-- @module weft.testing.fixture

local context = require "weft.context"
local core = require "weft.core"
local errors = require "weft.error"
local event = require "weft.event"
local finalizers = require "weft.testing.finalizers"
local scope = require "weft.scope"
local task = require "weft.task"

local fixture = {}

-- An instance, of one fixture and one list of arguments, is a list of its
-- values, `n` of them, with `made`, an event, and `maker`, the task that makes
-- it, until then.

local function has_arguments(instance, count, ...)
  local arguments = instance.arguments
  if arguments.n ~= count then return false end
  for i = 1, count do
    if not rawequal(arguments[i], (select(i, ...))) then return false end
  end
  return true
end

local function find(instances, ...)
  local count = select("#", ...)
  for _, instance in ipairs(instances) do
    if has_arguments(instance, count, ...) then return instance end
  end
end

local function forget(instances, instance)
  for i, other in ipairs(instances) do
    if other == instance then return table.remove(instances, i) end
  end
end

-- Somebody else makes it: waits for that.
local function await(instance)
  if instance.maker == task.current() then
    errors.fail_state "the fixture asks for itself, by way of another or alone"
  end
  instance.made:wait()
  if instance.err ~= nil then error(instance.err, 0) end
end

local function set_values(instance, ...)
  for i = 1, select("#", ...) do instance[i] = (select(i, ...)) end
  instance.n = select("#", ...)
end

local function fail(instances, instance, err)
  forget(instances, instance)
  instance.err = err
  if errors.is_cancelled(err) then
    instance.err = errors.classes.InvalidStateError(
      "the task that was making the fixture was cancelled")
  end
end

-- It is forgotten before it is taken down; those that use it are gone by then.
local function enter(instances, instance, made)
  set_values(instance, finalizers.use(made))
  finalizers.defer(forget, instances, instance)
end

local function make(instances, new, ...)
  local instance = {
    arguments = { n = select("#", ...), ... }, n = 0,
    made = event.new(), maker = task.current(),
  }
  instances[#instances + 1] = instance
  local ok, err = xpcall(enter, errors.trace, instances, instance, new(...))
  if not ok then fail(instances, instance, err) end
  instance.maker = nil
  instance.made:set()
  if not ok then error(err, 0) end
  return instance
end

--- Makes a fixture of `fn(yield, ...)`: a function that, called in a test,
-- returns what `fn` yields. The first call with these arguments runs `fn` up to
-- its yield, in the task that calls; later ones of the same test get the same
-- values. The rest of `fn` runs at the end of the test, passed or failed, in
-- the reverse order of making, shielded: it may park. An error of the test is
-- raised at the yield, as in `weft.context`, but `fn` cannot handle it. Raises
-- what `fn` raises; then a later call tries again.
---@param fn fun(yield: fun(...), ...)
---@return fun(...): ...
function fixture.new(fn)
  scope.check_function(fn, "fixture(fn): fn")
  local new, instances = context.context(fn), {}
  return function(...)
    core.check_park "the fixture"
    local instance = find(instances, ...)
    if instance then
      if instance.maker then await(instance) end
    else
      instance = make(instances, new, ...)
    end
    return unpack(instance, 1, instance.n)
  end
end

return fixture
