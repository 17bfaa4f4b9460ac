--- What a scope, group or task owns and closes at its end: generators and
-- iterators that may be left early.
-- @module weft.owner

local core = require "weft.core"
local errors = require "weft.error"
local report = require "weft.report"

local owner = {}

-- Lists by the handle of the owning scope; empty most of the time.
local owned = {}
owner.owned = owned

--- Gives `object` to the innermost scope, group or task; it is closed by
-- `object:close()` when that ends, last made first.
---@param object table
function owner.add(object)
  local scope = core.scope_current()
  if not scope then return end
  local list = owned[scope] or {}
  owned[scope] = list
  list[#list + 1] = object
  object.owner_scope = scope
  core.task_owns()
end

--- Takes `object` back: it is closed, or has ended by itself.
---@param object table
function owner.remove(object)
  local list = owned[object.owner_scope] or {}
  for i = #list, 1, -1 do
    if list[i] == object then table.remove(list, i) end
  end
  if #list == 0 then owned[object.owner_scope] = nil end
end

--- Closes what the scope owns, shielded. Returns the first error of that.
---@param scope number?
function owner.close_all(scope)
  local list = scope and owned[scope]
  if not list then return nil end
  local shield = core.scope_after(nil, true)
  local failure
  while #list > 0 do
    local object = list[#list]
    local ok, err = pcall(object.close, object)
    if list[#list] == object then list[#list] = nil end
    if not ok and failure == nil then failure = err end
  end
  owned[scope] = nil
  core.scope_leave(shield, false)
  return failure
end

--- For the C side: the rest of a task whose body has ended and which owns
-- something. Gets what the body returned, or a traceback and its error.
function owner.end_task(ok, ...)
  local err
  if not ok then
    local traceback
    traceback, err = ...
    err = errors.is_cancelled(err) and err or errors.object(err, traceback)
  end
  local failure = owner.close_all(core.scope_current())
  if failure ~= nil and ok then error(failure, 0) end
  if failure ~= nil then report.report(report.FAILURE, nil, failure) end
  if ok then return ... end
  error(err, 0)
end

return owner
