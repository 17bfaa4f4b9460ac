--- What a scope, group or task owns and closes at its end: generators and
-- iterators that may be left early.
-- @module weft.owner

local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local report = require "weft.report"
local task = require "weft.task"

local owner = {}

-- Lists by what owns: the handle of a scope, or the number of a generator,
-- which is negative; empty most of the time. An object knows its place in its
-- list, which is false once it was taken out; `gone` counts those.
local owned = {}
owner.owned = owned

--- Gives `object` to the innermost scope, group, generator body or task; it is
-- closed when that ends, last made first: by `object:close_owned()`, else
-- `object:close()`.
---@param object table
function owner.add(object)
  local key = core.owner_current()
  if not key then return end
  local list = owned[key] or {}
  owned[key] = list
  list[#list + 1] = object
  object.owner_key, object.owner_place = key, #list
  core.task_owns()
end

local GONE_MAX = 16 -- so many places that are free do not matter

-- Moves the objects together.
local function compact(list)
  local count = 0
  for i = 1, #list do
    local object = list[i]
    list[i] = nil
    if object then
      count = count + 1
      list[count], object.owner_place = object, count
    end
  end
  list.gone = 0
end

--- Takes `object` back: it is closed, or has ended by itself.
---@param object table
function owner.remove(object)
  local key, place = object.owner_key, object.owner_place
  local list = owned[key]
  if not list or list[place] ~= object then return end
  list[place], list.gone = false, (list.gone or 0) + 1
  while list[#list] == false do
    list[#list], list.gone = nil, list.gone - 1
  end
  if #list == 0 and not list.span then
    owned[key] = nil
  elseif list.gone > GONE_MAX and list.gone * 2 > #list then
    compact(list)
  end
end

local function report_failure(failure)
  report.report(report.FAILURE, nil, errors.object(failure))
end

--- Closes what is owned by `key`, shielded. Returns the first error of that.
---@param key number?
function owner.close_all(key)
  local list = key and owned[key]
  if not list or #list == 0 then return nil end
  local shield = core.scope_shield(math.huge)
  local failure
  while #list > 0 do
    local object = list[#list]
    local ok, err = true, nil
    if object then
      ok, err = pcall(object.close_owned or object.close, object)
    end
    if list[#list] == object then list[#list] = nil end
    if not ok and failure ~= nil then
      report_failure(err)
    elseif not ok then
      failure = err == nil and errors.object(err) or err
    end
  end
  owned[key] = nil
  core.scope_leave(shield)
  return failure
end

--- Closes what the scope, or generator, owns when its body has ended so.
-- Returns how that ended, all things considered, and the span that has to move
-- out of the scope, if there is one.
---@param scope number?
---@param ok boolean
---@param err any
function owner.close(scope, ok, err)
  local list = scope and owned[scope]
  if not list then return ok, err end
  local span = list.span
  list.span = nil
  if span then ok, err = owner.uncover(span, ok, err) end
  local failure = owner.close_all(scope)
  owned[scope] = nil
  if failure ~= nil and ok then return false, failure, span end
  if failure ~= nil then report_failure(failure) end
  return ok, err, span
end

-- -- Spans --------------------------------------------------------------------
-- A span is a piece of code that is shielded from some point on, though scopes
-- that were open there will be left by it: the rest of a context's function
-- after its yield. So its shield is taken away before each of them is left, and
-- put up again outside. Fields: `base`, the scope around all of them; `shield`;
-- `err`, what is in flight; `absorbed`, set once a scope has taken that.

--- Shields the code of `span` from here on.
---@param span table
function owner.cover(span)
  local inside = core.scope_current()
  span.shield = core.scope_shield(math.huge)
  if inside == span.base then return end
  owned[inside] = owned[inside] or {}
  owned[inside].span = span
end

--- The span whose shield is to be taken away before the scope is left.
---@param scope number
---@return table?
function owner.span_at(scope) return owned[scope] and owned[scope].span end

--- Takes the shield away. Returns how the code in it ended, as owner.close
-- does.
---@param span table
---@param ok boolean
---@param err any
function owner.uncover(span, ok, err)
  local shield = span.shield
  span.shield = nil
  ok, err = owner.close(shield, ok, err)
  if shield then core.scope_leave(shield) end
  return ok, err
end

--- Puts the shield up again, outside a scope that was left. `taken` is the
-- error that stopped there.
---@param span table
---@param taken any
function owner.move_out(span, taken)
  if taken ~= nil and rawequal(taken, span.err) then span.absorbed = true end
  owner.cover(span)
end

-- -- The end of a task, and of a run ------------------------------------------

--- For the C side: the rest of a task whose body has ended and which owns
-- something. Gets what the body returned, or a traceback and its error.
function owner.end_task(ok, ...)
  local err
  if not ok then
    local traceback
    traceback, err = ...
    if not errors.is_cancelled(err) then
      err = errors.object(err, task.with_line(err, traceback))
    end
  end
  local failure = owner.close_all(core.scope_current())
  if failure ~= nil and ok then error(failure, 0) end
  if failure ~= nil then report_failure(failure) end
  if ok then return ... end
  error(err, 0)
end

--- Forgets what the scopes of a run own that is over: of tasks that were given
-- up, whose cleanup is not run. What a generator owns stays: it may go on in
-- the next run.
function owner.forget_scopes()
  for key in entries(owned) do
    if key > 0 then owned[key] = nil end
  end
end

return owner
