--- A sequencer: has the steps of several tasks happen in a fixed order.
--
-- Each step is taken once. A task that comes to its step too early waits until
-- all steps before it were taken; so a test can bring about the very order of
-- events that it is about, without sleeping.
-- @module weft.testing.sequencer

local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local event = require "weft.event"
local is_count = require("weft.scope").is_count

local sequencer = {}

-- A sequencer is called with a step; see sequencer.new.
---@class weft.testing.Sequencer
local metatable = { __name = "weft.testing.Sequencer" }

-- -- Steps -------------------------------------------------------------------

local function check_names(...)
  local places = {}
  for i = 1, select("#", ...) do
    local name = select(i, ...)
    if type(name) ~= "string" then
      errors.fail_argument(("sequencer(name, ...): argument %d must be a "
        .. "string, got %s"):format(i, errors.shown(name)), 3)
    end
    if places[name] then
      errors.fail_argument(("sequencer(name, ...): %q is there twice"):format(
        name), 3)
    end
    places[name] = i
  end
  return places
end

-- The place of a step in the order.
local function place_of(self, step)
  local place
  if self.names then place = self.places[step]
  elseif is_count(step, 1) then place = step end
  if place then return place end
  errors.fail_argument(("sequencer(step): step must be %s, got %s"):format(
    self.names and "one of " .. table.concat(self.names, ", ")
      or "a whole number of 1 or more", errors.shown(step)), 3)
end

local function name_of(self, place)
  return self.names and ("%q"):format(self.names[place]) or place
end

local function check_untaken(self, place)
  if not self.seen[place] then return end
  errors.fail_state(("sequencer: step %s was taken before; each step is taken "
    .. "once"):format(name_of(self, place)))
end

-- -- Turns -------------------------------------------------------------------

local function wake(self, place)
  local waiting = self.waiting[place]
  if waiting then waiting:set() end
end

-- The step at `place` will never be: nobody waits for what comes after it.
local function break_off(self, place)
  if self.broken then return end
  self.broken = ("sequencer: step %s was cancelled before its turn, so no step "
    .. "after it comes"):format(name_of(self, place))
  for _, waiting in entries(self.waiting) do waiting:set() end
end

-- Waits for the turn of `place`.
local function await_turn(self, place)
  local turn = event.new()
  if self.next == place or self.broken then turn:set() end
  self.waiting[place] = turn
  local ok, err = pcall(turn.wait, turn)
  self.waiting[place] = nil
  if not ok then
    break_off(self, place)
    error(err, 0)
  end
  if self.broken then errors.fail_state(self.broken) end
end

local function pass_on(self)
  self.next = self.next + 1
  wake(self, self.next)
end

local function finish(self, ok, ...)
  pass_on(self)
  if not ok then error((...), 0) end
  return ...
end

-- Taking a step: self(step, fn, ...).
function metatable:__call(step, fn, ...)
  local place = place_of(self, step)
  if fn ~= nil and type(fn) ~= "function" then
    errors.fail_argument("sequencer(step, fn, ...): fn must be a function, got "
      .. errors.shown(fn))
  end
  core.check_park "sequencer(step)"
  check_untaken(self, place)
  self.seen[place] = true
  await_turn(self, place)
  if fn == nil then return pass_on(self) end
  return finish(self, xpcall(fn, errors.trace, ...))
end

--- Makes a sequencer. Its steps are 1, 2, 3 ..., or, given names, those names
-- in that order.
--
-- `seq(step)` waits until all steps before were taken; the next step's turn
-- comes when the caller parks or ends. `seq(step, fn, ...)` calls fn(...) in
-- its turn, which lasts until fn has returned or failed, and returns fn's
-- results. Parks, a cancellation point. If a task that waits for its turn is
-- cancelled, the others and all that come later get an InvalidStateError,
-- rather than wait for ever. Raises ArgumentError for what is no step, and
-- InvalidStateError for a step that was taken before.
---@param ... string names
---@return weft.testing.Sequencer
function sequencer.new(...)
  local named = select("#", ...) > 0
  return setmetatable({
    places = named and check_names(...), names = named and { ... } or nil,
    next = 1, seen = {}, waiting = {},
  }, metatable)
end

return sequencer
