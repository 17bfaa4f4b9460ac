--- The children of a supervisor: started, stopped, and what is known of them.
--
-- For weft.supervisor, which decides about them. A child has, while it runs, a
-- `life`: its task, and in the end its error. Each life that ends is put into
-- the mailbox; one that its child does not have any more is out of date.
-- @module weft.supervisor_children

local weft = require "weft"
local options = require "weft.options"

local supervisor_children = {}

-- The children of one supervisor.
---@class weft.SupervisorChildren
local Children = {}
local metatable = { __name = "weft.SupervisorChildren", __index = Children }

local list_kind = options.list "{name=, fn=, restart=}"
local kinds = {
  name = options.text, fn = options.func,
  restart = options.one_of { "always", "on_failure", "never" },
}

local function check_child(spec, place)
  local what = "supervisor: child " .. place
  options.expect(what, options.table, spec, 4)
  options.check(what, spec, kinds)
  options.expect(what .. ": name", options.text, spec.name, 4)
  options.expect(what .. ": fn", options.func, spec.fn, 4)
  return { place = place, name = spec.name, fn = spec.fn, restarts = 0,
    restart = spec.restart or "on_failure" }
end

--- Checks what a supervisor was given, and makes its children of it; none runs.
-- `on_error(err, name)` is told of failures. Raises ArgumentError.
---@param specs table
---@param on_error function?
---@return weft.SupervisorChildren
function supervisor_children.new(specs, on_error)
  options.expect("supervisor(children, opts): children", list_kind, specs, 3)
  local self = setmetatable({ on_error = on_error or weft.report }, metatable)
  for place, spec in ipairs(specs) do
    self[place] = check_child(spec, place)
  end
  return self
end

-- -- Starting -----------------------------------------------------------------

local function live(life, wait)
  local _, err = weft.try(function()
    if wait > 0 then weft.sleep(wait) end
    life.child.fn()
  end)
  life.err = err
end

--- Starts the child, which waits first, as a task of `self.group`.
---@param child table
---@param wait number seconds
function Children:start(child, wait)
  local life, mailbox = { child = child }, self.mailbox
  life.task = self.group:spawn(child.name, live, life, wait)
  life.task:add_done_callback(function() mailbox:try_put(life) end)
  child.life = life
end

-- -- Stopping -----------------------------------------------------------------

--- Whether a child that has ended so is to run again.
---@param child table
---@param err table?
---@return boolean
function Children:is_restarted(child, err) -- luacheck: ignore self
  return child.restart == "always"
    or child.restart == "on_failure" and err ~= nil
end

-- Ends a life that nobody reads a letter about.
local function bury(self, child)
  local life = child.life
  child.life = nil
  if life.err then self.on_error(life.err, child.name) end
end

-- Stops the child. Whether it is to run again: it may be that it has just ended
-- by itself.
local function stop(self, child)
  local life = child.life
  local was_cut_off = life.task:cancel "stopped by its supervisor"
  weft.wait { life.task }
  bury(self, child)
  if was_cut_off then return child.restart ~= "never" end
  return self:is_restarted(child, life.err)
end

--- Stops the children `first` to `last`, the last one first, each to its end.
-- Parks. Returns those that are to run again, in order, with `ended`, which has
-- ended before.
---@param first number
---@param last number
---@param ended table?
---@return table
function Children:stop(first, last, ended)
  local again = {}
  for place = last, first, -1 do
    local child = self[place]
    if child == ended or child.life and stop(self, child) then
      table.insert(again, 1, child)
    end
  end
  return again
end

--- Ends the lives that are left when the group is over.
function Children:bury_all()
  for _, child in ipairs(self) do
    if child.life then bury(self, child) end
  end
end

--- Whether any child runs.
---@return boolean
function Children:is_any_alive()
  for _, child in ipairs(self) do
    if child.life then return true end
  end
  return false
end

return supervisor_children
