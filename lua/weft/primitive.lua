--- What the primitives that stand for an object of the core have in common: how
-- one is made, closed and collected, and what its status codes mean.
--
-- The object keeps the core's handle and a guard, which closes that when the
-- object is collected. A closed object keeps its handle too: the core finds it
-- stale, so no call has to ask first whether its object is open.
-- @module weft.primitive

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"

local primitive = {}

local EBADF, ECLOSED, ENOMEM = codes.EBADF, codes.ECLOSED, codes.ENOMEM

-- Wakes those who wait; what is left of the object is refused from now on.
local function close(self)
  core.handle_close(self.guard)
  self.closed = true
end

--- Makes a class of objects that messages call `word`, as does the core
-- (`core.handle_guard`). Returns its table of methods and its metatable.
---@param word string "semaphore"
---@param name string "weft.Semaphore"
---@return table methods
---@return table metatable
function primitive.class(word, name)
  local methods = { word = word, close = close }
  return methods, { __name = name, __index = methods }
end

--- Makes an object of what `core.<word>_new` has returned.
---@param metatable table
---@param code number?
---@param handle number
function primitive.new(metatable, code, handle)
  if code then errors.fail(code) end
  local guard = core.handle_guard(metatable.__index.word, handle)
  return setmetatable({ handle = handle, guard = guard }, metatable)
end

local function stale_text(self, call, code)
  local is_closed = self.closed or code == ECLOSED
  local state = is_closed and "closed"
    or "of a run that has ended; make one in this run"
  return ("%s:%s: the %s is %s"):format(self.word, call, self.word, state)
end

--- Raises what the code of the method `call` means. `message` says what a code
-- of the object's own, as ESTATE, means in that call.
---@param self table the object
---@param call string "acquire"
---@param code number
---@param message string?
function primitive.fail(self, call, code, message)
  if code == EBADF or code == ECLOSED then
    return errors.fail(ECLOSED, stale_text(self, call, code))
  end
  return errors.fail(code, code ~= ENOMEM and message or nil)
end

--- For what `weft.with` may be given: entering acquires, leaving releases.
---@param methods table
function primitive.make_resource(methods)
  function methods:enter()
    self:acquire()
    return self
  end
  function methods:exit()
    if not self.closed then self:release() end
  end
end

-- What fn raised goes on, unless giving back fails too.
local function leave_failed(self, err)
  local released, failure = true, nil
  if not self.closed then released, failure = pcall(self.release, self) end
  if not released then error(errors.with_cause(failure, err), 0) end
  error(err, 0)
end

--- The end of a `with`: releases what was acquired, then ends as its function
-- did. Where the object was closed meanwhile there is nothing to give back.
---@param self table the object
---@param ok boolean
---@param ... any what else `xpcall(fn, errors.trace)` has returned
function primitive.leave(self, ok, ...)
  if not ok then return leave_failed(self, (...)) end
  if not self.closed then self:release() end
  return ...
end

return primitive
