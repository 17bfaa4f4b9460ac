--- Context variables: values that go with a task instead of with a call.
--
-- A task begins with a snapshot of its spawner's values, and a call by the loop
-- runs with one of when it was added; what either sets is its own. The user's
-- own coroutines share those of their task.
--
-- A variable may be made before any runtime runs, and serves run after run: the
-- core's handle, which is good in one run only, is made at the first `set`
-- there.
-- @module weft.context_var

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local check_function = require("weft.scope").check_function

local context_var = {}

local EBADF, ESTATE = codes.EBADF, codes.ESTATE

-- A context variable.
---@class weft.ContextVar
local ContextVar = {}
local metatable = { __name = "weft.ContextVar", __index = ContextVar }

--- Makes a variable that gives `default` where it is not set.
---@param name string
---@param default any
---@return weft.ContextVar
function context_var.new(name, default)
  if type(name) ~= "string" or name == "" then
    errors.fail_argument("context_var(name, default): name must be a string "
      .. "that is not empty, got " .. errors.shown(name))
  end
  return setmetatable({ title = name, default = default, handle = 0, run = 0 },
    metatable)
end

--- The name it was made with.
---@return string
function ContextVar:name() return self.title end

--- The value in the running task or callback: what was set, else the default,
-- else nil. Before and after a run, and where neither runs, the default.
---@return any
function ContextVar:get()
  local value = core.context_var_get(self.handle, self.run)
  if value == nil then return self.default end
  return value
end

local function make_handle(self, call)
  local code, handle = core.context_var_new(self.title, call)
  if code then errors.fail(code) end
  self.handle, self.run = handle, core.run_id()
  self.guard = core.handle_guard("context_var", handle)
end

local function set(self, value, call)
  local code = core.context_var_set(self.handle, self.run, value, call)
  if code == EBADF then
    make_handle(self, call)
    code = core.context_var_set(self.handle, self.run, value, call)
  end
  if code == ESTATE then
    errors.fail_state(("%s: no task runs here, nor a call by the loop; set '%s'"
      .. " in one of them"):format(call, self.title))
  end
  if code then errors.fail(code) end
end

--- Sets the variable in the running task or callback. nil is no value: the
-- variable is then not set, and `get` gives the default.
---@param value any
function ContextVar:set(value) set(self, value, "context_var:set") end

local function leave(self, before, ok, ...)
  local restored, failure = pcall(set, self, before, "context_var:with")
  if not restored then
    error(ok and failure or errors.with_cause(failure, (...)), 0)
  end
  if not ok then error((...), 0) end
  return ...
end

--- Sets the variable to `value`, calls `fn()` and, on every way out, sets it to
-- what it was before; returns fn's results, or raises its error.
---@param value any
---@param fn function
function ContextVar:with(value, fn)
  check_function(fn, "context_var:with(value, fn): fn")
  local before = core.context_var_get(self.handle, self.run)
  set(self, value, "context_var:with")
  return leave(self, before, xpcall(fn, errors.trace))
end

return context_var
