--- Open files: read and written by the task that has them open.
--
-- Operations are made by threads. One that has begun is kept: a cancellation
-- shows after it; one that has not begun has not happened. One at a time on a
-- file, else BusyError.
-- @module weft.file

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local options = require "weft.options"
local owner = require "weft.owner"
local path = require "weft.path"
local reading = require "weft.reading"

local fail_argument = errors.fail_argument

local file = {}

local EAGAIN, EINCOMPLETE, EINVAL = codes.EAGAIN, codes.EINCOMPLETE,
  codes.EINVAL
-- What a read without a number gives: what LuaJIT makes strings of quickest.
local CHUNK = 64 * 1024
local OFFSET_MAX = 2 ^ 53

-- An open file; it holds the C side's socket.
---@class weft.File
---@field path string as it was opened
local File = {}
local metatable = { __name = "weft.File", __index = File }

-- -- Opening -----------------------------------------------------------------

local READ, WRITE, CREATE = codes.OPEN_READ, codes.OPEN_WRITE,
  codes.OPEN_CREATE
local TRUNCATE, APPEND = codes.OPEN_TRUNCATE, codes.OPEN_APPEND
local EXCLUSIVE = codes.OPEN_EXCLUSIVE

local modes = {
  ["r"] = READ,
  ["w"] = WRITE + CREATE + TRUNCATE,
  ["a"] = WRITE + CREATE + APPEND,
  ["x"] = WRITE + CREATE + EXCLUSIVE,
  ["r+"] = READ + WRITE,
  ["w+"] = READ + WRITE + CREATE + TRUNCATE,
  ["a+"] = READ + WRITE + CREATE + APPEND,
  ["x+"] = READ + WRITE + CREATE + EXCLUSIVE,
}

-- Files are bytes, so a "b" says nothing.
local function flags_of(mode)
  local flags = type(mode) == "string" and modes[(mode:gsub("b", "", 1))]
  if flags then return flags end
  fail_argument('fs.open(path, mode): mode must be "r", "w", "a" or "x" '
    .. '(exclusive), each also with "+", got ' .. errors.shown(mode), 3)
end

local PERMISSIONS = 438 -- 0666, the umask taken off

--- Permissions as a number; "644" and "0644" are octal.
---@param value any
---@param what string
---@param level number?
---@return number
function file.permissions(value, what, level)
  local number = value
  if type(value) == "string" then
    number = value:match "^[0-7]+$" and tonumber(value, 8)
  end
  if type(number) ~= "number" or number % 1 ~= 0 or number < 0
    or number > 4095 then
    fail_argument(what .. ' must be a number from 0 to 4095 or octal, as "644"'
      .. ", got " .. errors.shown(value), (level or 2) + 1)
  end
  return number
end

local open_options = { permissions = function() end }

--- Opens the file at `path`; see fs.open.
function file.open(name, mode, opts)
  path.check(name, "fs.open(path, mode): path")
  local flags = flags_of(mode == nil and "r" or mode)
  opts = options.check("fs.open(path, mode, opts)", opts, open_options)
  local permissions = PERMISSIONS
  if opts.permissions ~= nil then
    permissions = file.permissions(opts.permissions, "fs.open: permissions")
  end
  local code, socket = core.file_open(name, flags, permissions)
  if code then path.fail(code, "open", name) end
  return setmetatable({ socket, path = name }, metatable)
end

-- -- Reading -----------------------------------------------------------------

reading.add_methods(File, "file")

-- For those methods.
function File:fail_read(_, code)
  path.fail_on_file(code, "read", self.path, "reading")
end

--- Reads `n` bytes, fewer only at the end, and then nil. Without `n`: the next
-- piece, of at most 64 KiB. What others append later can be read then. Parks.
---@param n number?
---@return string?
function File:read(n)
  local code, bytes
  if n == nil then
    code, bytes = core.read_some(self[1], CHUNK)
    if code == false then code, bytes = core.read_some(self[1], CHUNK, true) end
  else
    reading.check_count(n, 1, "file:read(n): n")
    code, bytes = reading.exactly(self[1], n)
    if code == EINCOMPLETE then code, bytes = nil, bytes ~= "" and bytes end
  end
  if code then self:fail_read("read", code) end
  return bytes or nil
end

--- The bytes up to the end in pieces of `n`, by default 64 KiB, for a `for`
-- loop; only the last may be shorter.
---@param n number?
---@return fun(): string?
function File:chunks(n)
  if n == nil then n = CHUNK
  else reading.check_count(n, 1, "file:chunks(n): n") end
  return function() return self:read(n) end
end

local function check_offset(offset, call)
  if type(offset) ~= "number" or offset % 1 ~= 0 or offset < 0
    or offset >= OFFSET_MAX then
    fail_argument(("%s: offset must be a whole number of at least 0, got %s")
      :format(call, errors.shown(offset)), 3)
  end
end

-- So much is read at a time at a place: what is there may be less than `n`.
local PIECE = 1024 * 1024

--- Reads `n` bytes from `offset` on, fewer only at the end, "" behind it. Does
-- not move the position. Parks.
---@param n number
---@param offset number from 0
---@return string
function File:read_at(n, offset)
  reading.check_count(n, 0, "file:read_at(n, offset): n")
  check_offset(offset, "file:read_at(n, offset)")
  local pieces, rest = {}, n
  repeat
    local size = math.min(rest, PIECE)
    local code, bytes = core.file_read_at(self[1], size, offset)
    if code then self:fail_read("read_at", code) end
    pieces[#pieces + 1] = bytes
    rest, offset = rest - #bytes, offset + #bytes
  until rest == 0 or #bytes < size
  return pieces[2] and table.concat(pieces) or pieces[1]
end

-- -- Writing -----------------------------------------------------------------

-- The arguments of write as one string.
local function join(...)
  for i = 1, select("#", ...) do
    local piece = select(i, ...)
    if type(piece) ~= "string" and type(piece) ~= "number" then
      fail_argument(("file:write(s, ...): argument %d must be a string, got %s")
        :format(i, errors.shown(piece)), 3)
    end
  end
  return table.concat { ... }
end

--- Writes the strings, one after the other, at the position, or at the end of a
-- file opened to append. When it returns the system has all bytes. Raises
-- OSError with `written`, how many it took, if it has not taken all. Parks.
---@param s string
---@param ... string
function File:write(s, ...)
  if type(s) ~= "string" or select("#", ...) > 0 then s = join(s, ...) end
  local code, written = core.file_write(self[1], s)
  if code then path.fail_write(code, self.path, written, #s) end
end

--- Writes `s` at `offset`, without moving the position. Parks.
---@param s string
---@param offset number from 0
function File:write_at(s, offset)
  if type(s) ~= "string" then
    fail_argument("file:write_at(s, offset): s must be a string, got "
      .. errors.shown(s))
  end
  check_offset(offset, "file:write_at(s, offset)")
  local code, written = core.file_write(self[1], s, offset)
  if code then path.fail_write(code, self.path, written, #s) end
end

--- Waits until what was written is on the disk; with `data` true not for what
-- is not needed to read it, as the times. Parks.
---@param opts table? `data`
function File:sync(opts)
  opts = options.check("file:sync(opts)", opts, { data = options.flag })
  local code = core.file_sync(self[1], opts.data)
  if code then path.fail(code, "sync", self.path) end
end

--- Makes the file `size` bytes long, by default as long as the position says;
-- what is added is zeros. Parks.
---@param size number?
function File:truncate(size)
  if size == nil then size = self:position() end
  check_offset(size, "file:truncate(size)")
  local code = core.file_truncate(self[1], size)
  if code then
    path.fail_on_file(code, "truncate", self.path, "writing")
  end
end

-- -- Positions ---------------------------------------------------------------

local whences = { set = 0, cur = 1, ["end"] = 2 }

--- Moves the position, as Lua's own files do: `offset` from the beginning
-- ("set"), the position ("cur", the default) or the end ("end"). Returns the
-- position, which may lie behind the end. Parks.
---@param whence string?
---@param offset number?
---@return number
function File:seek(whence, offset)
  local from = whences[whence == nil and "cur" or whence]
  if not from then
    fail_argument('file:seek(whence, offset): whence must be "set", "cur" or '
      .. '"end", got ' .. errors.shown(whence))
  end
  offset = offset == nil and 0 or offset
  if type(offset) ~= "number" or offset % 1 ~= 0
    or math.abs(offset) >= OFFSET_MAX then
    fail_argument("file:seek(whence, offset): offset must be a whole number, "
      .. "got " .. errors.shown(offset))
  end
  local code, position = core.file_seek(self[1], offset, from)
  if code == EINVAL then
    fail_argument("file:seek(whence, offset): that is before the beginning of "
      .. "the file")
  end
  if code then path.fail(code, "seek", self.path) end
  return position
end

--- The position: where the next read or write begins.
---@return number
function File:position()
  local code, position = core.file_position(self[1])
  if code then path.fail(code, "position of", self.path) end
  return position
end

--- What is known of the file, as fs.stat has it. Parks.
---@return table
function File:stat()
  local code, info = core.file_stat(self[1])
  if code then path.fail(code, "stat", self.path) end
  return info
end

-- -- Locks -------------------------------------------------------------------

local lock_options = { shared = options.flag, wait = options.flag }

--- Locks the whole file against every other opening of it that locks, here or
-- in another process. Returns true, or false if another has it and opts.wait is
-- false. opts: `shared`, together with others that share; `wait`, by default
-- true. Who waits tries again, at last every 50 ms, so there is no order. The
-- lock is gone when the file is closed. Parks.
---@param opts table?
---@return boolean
function File:lock(opts)
  opts = options.check("file:lock(opts)", opts, lock_options)
  local flags = opts.shared and codes.LOCK_SHARED or 0
  if opts.wait == false then flags = flags + codes.LOCK_NOWAIT end
  local code = core.file_lock(self[1], flags)
  if code == EAGAIN and opts.wait == false then return false end
  if code then path.fail(code, "lock", self.path) end
  return true
end

--- Gives the lock back.
function File:unlock()
  local code = core.file_unlock(self[1])
  if code then path.fail(code, "unlock", self.path) end
end

-- -- Closing -----------------------------------------------------------------

--- Waits for an operation under way and closes; others who wait get
-- ClosedError. No cancellation point; more than once is fine. Raises OSError if
-- the system tells only now that an earlier write failed; the descriptor is
-- free all the same. Parks.
function File:close()
  local code = core.file_close(self[1])
  if code then path.fail(code, "close", self.path) end
end

--- Whether it has been closed.
---@return boolean
function File:closed() return not core.file_is_open(self[1]) end

--- Enters a `with`.
---@return weft.File
function File:enter() return self end

--- Leaves a `with`: closes. Parks.
function File:exit() self:close() end

-- -- Lines of a path ---------------------------------------------------------

-- What fs.lines returns.
---@class weft.Lines
local Lines = {}
local lines_metatable = { __name = "weft.Lines", __index = Lines }

--- The next line, without its "\n"; nil at the end, and then it is closed.
-- Parks.
---@return string?
function Lines:next()
  if self.file:closed() then
    local code = core.checkpoint "lines:next"
    if code then errors.fail(code) end
    return nil
  end
  local line = self.file:read_line(self.limit)
  if line == nil then self:close() end
  return line
end

lines_metatable.__call = Lines.next

--- Closes the file; once it is closed, does nothing. Parks.
function Lines:close()
  owner.remove(self)
  self.file:close()
end

--- The lines of the file at `path`; see fs.lines.
function file.lines(name, opts)
  path.check(name, "fs.lines(path): path")
  opts = options.check("fs.lines(path, opts)", opts,
    { limit = options.count(0, true) })
  local self = setmetatable({
    file = file.open(name, "r"), limit = opts.limit,
    owner_key = false, owner_place = false,
  }, lines_metatable)
  owner.add(self)
  return self
end

return file
