--- Watching files for changes.
-- @module weft.fs_watch

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local owner = require "weft.owner"
local path = require "weft.path"

local fs_watch = {}

-- What fs.watch returns; it holds the C side's socket.
---@class weft.FsWatch
local FsWatch = {}
local metatable = { __name = "weft.FsWatch", __index = FsWatch }

--- The next change, which may have happened before: a table with `path` and
-- `kind`, "change" (of the content or the attributes), "rename" (made, removed,
-- moved) or "overflow" (more happened than was asked for in time: look for
-- yourself). nil once the watch is closed. Parks. Cancelled, it has taken none.
-- Raises BusyError if another task waits.
---@return table?
function FsWatch:next()
  if self.closed then
    local code = core.checkpoint "watch:next"
    if code then errors.fail(code) end
    return nil
  end
  local code, change = core.fs_watch_next(self[1])
  if not code then return change end
  if code == codes.ECLOSED then return nil end
  if code == codes.EBUSY then
    errors.fail(code, "watch:next: another task waits for the next change")
  end
  path.fail(code, "watch", self.path)
end

metatable.__call = FsWatch.next

--- Ends the watch; who waits gets nil. More than once is fine.
function FsWatch:close()
  if self.closed then return end
  self.closed = true
  owner.remove(self)
  core.fs_watch_close(self[1])
end

--- Watches a file, or what is in a directory but not below that:
-- `for change in fs.watch(path) do`. Changes are kept from this call on, 4,096
-- at most. It ends with the scope, group, generator body or task in which this
-- was called, or by `:close()`. One write may come as several changes.
---@param name string
---@return weft.FsWatch
function fs_watch.watch(name)
  path.check(name, "fs.watch(path): path")
  local code, socket = core.fs_watch_new(name)
  if code then path.fail(code, "watch", name) end
  local self = setmetatable({ socket, path = name, closed = false,
    owner_key = false, owner_place = false }, metatable)
  owner.add(self)
  return self
end

return fs_watch
