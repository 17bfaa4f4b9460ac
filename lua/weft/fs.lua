--- Files and directories, by their paths.
--
-- Every call waits for a thread that makes it. One that has begun is kept: a
-- cancellation shows after it; one that has not begun has not happened. What
-- goes wrong is an OSError with `code`, whose message names what was attempted
-- and the path.
-- @module weft.fs

local codes = require "weft.codes"
local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local file = require "weft.file"
local fs_walk = require "weft.fs_walk"
local fs_watch = require "weft.fs_watch"
local options = require "weft.options"
local path = require "weft.path"
local reading = require "weft.reading"
local resource = require "weft.resource"

local fail_argument = errors.fail_argument

local fs = {}

local ENOENT, ENOTDIR, EOVERRUN = codes.ENOENT, codes.ENOTDIR, codes.EOVERRUN

-- -- Open files --------------------------------------------------------------

--- Opens a file. `mode` is "r" (the default), "w" (emptied, made if need be),
-- "a" (every write goes to the end) or "x" (made; there must be none); with "+"
-- for reading and writing. opts: `permissions` of a file that is made, a number
-- or as "644". Parks.
---@param name string
---@param mode string?
---@param opts table?
---@return weft.File
function fs.open(name, mode, opts) return file.open(name, mode, opts) end

--- The lines of a file, without their "\n": `for line in fs.lines(path) do`.
-- The file is closed when the lines have run out or, if the loop is left early,
-- when the scope, group, generator body or task ends in which this was called;
-- or by `:close()`. opts: `limit`, how long a line may be, 64 KiB by default;
-- a longer one is a LimitOverrunError. Parks.
---@param name string
---@param opts table?
---@return weft.Lines
function fs.lines(name, opts) return file.lines(name, opts) end

-- -- Whole files -------------------------------------------------------------

--- Reads a whole file. opts: `limit`, how many bytes it may have; more is a
-- LimitOverrunError. Parks.
---@param name string
---@param opts table?
---@return string
function fs.read_file(name, opts)
  path.check(name, "fs.read_file(path): path")
  opts = options.check("fs.read_file(path, opts)", opts,
    { limit = options.count(0, true) })
  local limit = opts.limit or math.huge
  local code, bytes = core.fs_read_file(name, limit)
  if code == EOVERRUN then
    errors.fail(code, ("read %s: it has more than %s bytes"):format(name,
      limit), { consumed = 0 })
  end
  if code then path.fail(code, "read", name) end
  return bytes
end

local write_options = { atomic = options.flag, append = options.flag,
  exclusive = options.flag, sync = options.flag }

local write_flags = { atomic = codes.WRITE_ATOMIC, append = codes.WRITE_APPEND,
  exclusive = codes.WRITE_EXCLUSIVE, sync = codes.WRITE_SYNC }

local function check_write(data, opts)
  if type(data) ~= "string" then
    fail_argument("fs.write_file(path, data): data must be a string, got "
      .. errors.shown(data), 3)
  end
  if opts.atomic and (opts.append or opts.exclusive) then
    fail_argument(("fs.write_file: atomic and %s exclude each other"):format(
      opts.append and "append" or "exclusive"), 3)
  end
end

--- Makes `data` the content of a file. opts: `atomic`, the new content is
-- written beside, synced and put in place of the old one, which stands whole if
-- anything fails, with its permissions; `append` to what is there; `exclusive`,
-- there must be no file; `sync`, waits for the disk. Raises OSError with
-- `written`, how many bytes were. Parks.
---@param name string
---@param data string
---@param opts table?
function fs.write_file(name, data, opts)
  path.check(name, "fs.write_file(path, data): path")
  opts = options.check("fs.write_file(path, data, opts)", opts, write_options)
  check_write(data, opts)
  local flags = 0
  for option, flag in entries(write_flags) do
    if opts[option] then flags = flags + flag end
  end
  local code, written = core.fs_write_file(name, data, flags)
  if code then path.fail_write(code, name, written, #data) end
end

--- Copies a file with its permissions. What is at `to` is replaced when the
-- copy is whole; with opts.exclusive that is an OSError. Parks.
---@param from string
---@param to string
---@param opts table?
function fs.copy_file(from, to, opts)
  path.check(from, "fs.copy_file(from, to): from")
  path.check(to, "fs.copy_file(from, to): to")
  opts = options.check("fs.copy_file(from, to, opts)", opts,
    { exclusive = options.flag })
  local code = core.fs_copy_file(from, to, opts.exclusive)
  if code then path.fail(code, "copy", from .. " to " .. to) end
end

-- -- What is known -----------------------------------------------------------

local function stat(call, name, follow)
  path.check(name, ("fs.%s(path): path"):format(call), 3)
  local code, info = core.fs_stat(name, follow)
  if code then path.fail(code, call, name) end
  return info
end

--- What is known of a file: `type` ("file", "directory", "link", "fifo",
-- "socket", "char", "block"), `mode` (permissions), `size`, `uid`, `gid`,
-- `nlink`, `ino`, `dev`, `rdev`, `blksize`, `blocks` and, in seconds since
-- 1970, `atime`, `mtime`, `ctime` and `birthtime`. Links are followed. Parks.
---@param name string
---@return table
function fs.stat(name) return (stat("stat", name, true)) end

--- Likewise of a link itself. Parks.
---@param name string
---@return table
function fs.lstat(name) return (stat("lstat", name, false)) end

-- The type of what is at the path, or nil.
local function type_at(name, call)
  path.check(name, call .. "(path): path", 3)
  local code, info = core.fs_stat(name, true)
  if code == ENOENT or code == ENOTDIR then return nil end
  if code then path.fail(code, "stat", name) end
  return info.type
end

--- Whether there is something at the path; a link counts if what it points to
-- is there. Parks.
---@return boolean
function fs.exists(name) return type_at(name, "fs.exists") ~= nil end

--- Whether there is a regular file. Parks.
---@return boolean
function fs.is_file(name) return type_at(name, "fs.is_file") == "file" end

--- Whether there is a directory. Parks.
---@return boolean
function fs.is_directory(name)
  return type_at(name, "fs.is_directory") == "directory"
end

local rights_of = { r = 4, w = 2, x = 1 }

--- Whether the process may read ("r"), write ("w") and run ("x") it: `rights`
-- is some of these letters. False also if it is not there. Parks.
---@param name string
---@param rights string? by default "r"
---@return boolean
function fs.access(name, rights)
  path.check(name, "fs.access(path, rights): path")
  rights = rights == nil and "r" or rights
  if type(rights) ~= "string" or not rights:find "^[rwx]+$" then
    fail_argument('fs.access(path, rights): rights must be some of "r", "w" '
      .. 'and "x", got ' .. errors.shown(rights))
  end
  local number = 0
  for letter, bit in entries(rights_of) do
    if rights:find(letter, 1, true) then number = number + bit end
  end
  local code = core.fs_access(name, number)
  if code == codes.ECANCELLED then errors.fail(code) end
  if code == codes.ENOMEM then path.fail(code, "access", name) end
  return code == nil
end

-- -- Changing ----------------------------------------------------------------

--- Removes a file, a link, or a directory that is empty. Parks.
---@param name string
function fs.remove(name)
  path.check(name, "fs.remove(path): path")
  local code = core.fs_remove(name)
  if code then path.fail(code, "remove", name) end
end

--- Removes a file, or a directory with all that is in it. Links are removed,
-- not followed. Parks.
---@param name string
function fs.remove_all(name)
  path.check(name, "fs.remove_all(path): path")
  local code = core.fs_remove_all(name)
  if code then path.fail(code, "remove all of", name) end
end

-- A call that takes two paths.
local function with_two(call, fn, verb, from, to, first, second)
  path.check(from, ("fs.%s(%s, %s): %s"):format(call, first, second, first), 3)
  path.check(to, ("fs.%s(%s, %s): %s"):format(call, first, second, second), 3)
  local code = fn(from, to)
  if code then path.fail(code, verb, from .. " to " .. to) end
end

--- Renames a file or directory; a file at `to` is replaced. Parks.
---@param from string
---@param to string
function fs.rename(from, to)
  with_two("rename", core.fs_rename, "rename", from, to, "from", "to")
end

--- Makes `to` another name of the file. Parks.
---@param from string
---@param to string
function fs.link(from, to)
  with_two("link", core.fs_link, "link", from, to, "from", "to")
end

--- Makes a symbolic link at `name` that says `target`. Parks.
---@param target string
---@param name string
function fs.symlink(target, name)
  with_two("symlink", core.fs_symlink, "symlink", target, name, "target",
    "path")
end

-- A call that makes a text of a path.
local function text_of(call, fn, name)
  path.check(name, ("fs.%s(path): path"):format(call), 3)
  local code, text = fn(name)
  if code then path.fail(code, call, name) end
  return text
end

--- What a symbolic link says. Parks.
---@param name string
---@return string
function fs.readlink(name)
  return (text_of("readlink", core.fs_readlink, name))
end

--- The absolute path, without links, "." and "..". Parks.
---@param name string
---@return string
function fs.realpath(name)
  return (text_of("realpath", core.fs_realpath, name))
end

--- Sets permissions, a number or as "644". Parks.
---@param name string
---@param permissions number|string
function fs.chmod(name, permissions)
  path.check(name, "fs.chmod(path, permissions): path")
  local code = core.fs_chmod(name, file.permissions(permissions,
    "fs.chmod(path, permissions): permissions"))
  if code then path.fail(code, "chmod", name) end
end

local TIME_MAX = 1e11

local function check_file_time(value, which)
  if type(value) ~= "number" or value ~= value
    or math.abs(value) >= TIME_MAX then
    fail_argument(("fs.utime(path, atime, mtime): %s must be seconds since "
      .. "1970, got %s"):format(which, errors.shown(value)), 3)
  end
end

--- Sets the times of the last access and change, in seconds since 1970. Parks.
---@param name string
---@param atime number
---@param mtime number
function fs.utime(name, atime, mtime)
  path.check(name, "fs.utime(path, atime, mtime): path")
  check_file_time(atime, "atime")
  check_file_time(mtime, "mtime")
  local code = core.fs_utime(name, atime, mtime)
  if code then path.fail(code, "utime", name) end
end

--- Makes the file `size` bytes long. Parks.
---@param name string
---@param size number
function fs.truncate(name, size)
  path.check(name, "fs.truncate(path, size): path")
  reading.check_count(size, 0, "fs.truncate(path, size): size")
  resource.with(file.open(name, "r+"), function(opened)
    opened:truncate(size)
  end)
end

-- -- Directories -------------------------------------------------------------

local DIRECTORY_PERMISSIONS = 511 -- 0777, the umask taken off

--- Makes a directory. opts: `parents`, those above it, too, and one that is
-- there already will do; `permissions`, a number or as "755". Parks.
---@param name string
---@param opts table?
function fs.mkdir(name, opts)
  path.check(name, "fs.mkdir(path, opts): path")
  opts = options.check("fs.mkdir(path, opts)", opts,
    { parents = options.flag, permissions = function() end })
  local permissions = DIRECTORY_PERMISSIONS
  if opts.permissions ~= nil then
    permissions = file.permissions(opts.permissions, "fs.mkdir: permissions")
  end
  local code = core.fs_mkdir(name, permissions, opts.parents)
  if code then path.fail(code, "mkdir", name) end
end

--- The names in a directory, sorted by their bytes, and a table of their types
-- by name ("file", "directory", "link", ...). Parks.
---@param name string
---@return string[] names
---@return table types
function fs.readdir(name)
  path.check(name, "fs.readdir(path): path")
  local code, names, types = core.fs_readdir(name)
  if code then path.fail(code, "readdir", name) end
  return names, types
end

local function default_prefix()
  return (os.getenv "TMPDIR" or "/tmp") .. "/weft-"
end

--- Makes a directory that nobody else has or may look into, and returns its
-- path: `prefix` and six characters. Parks.
---@param prefix string? by default "weft-" in $TMPDIR or /tmp
---@return string
function fs.mkdtemp(prefix)
  if prefix == nil then prefix = default_prefix() end
  path.check(prefix, "fs.mkdtemp(prefix): prefix")
  local code, name = core.fs_mkdtemp(prefix)
  if code then path.fail(code, "mkdtemp", prefix) end
  return name
end

-- A directory for the time of a `with`.
---@class weft.TempDir
local TempDir = {}
local tempdir_metatable = { __name = "weft.TempDir", __index = TempDir }

--- Makes the directory. Parks.
---@return string path
function TempDir:enter()
  self.path = fs.mkdtemp(self.prefix)
  return self.path
end

--- Removes it with all that is in it. Parks.
function TempDir:exit()
  local name = self.path
  self.path = nil
  if name and fs.exists(name) then fs.remove_all(name) end
end

--- A resource: `weft.with(fs.tempdir(), function(dir) ... end)` makes a
-- directory as fs.mkdtemp does and removes it, and all that is in it, on every
-- way out.
---@param prefix string?
---@return weft.TempDir
function fs.tempdir(prefix)
  if prefix ~= nil then path.check(prefix, "fs.tempdir(prefix): prefix") end
  return setmetatable({ prefix = prefix }, tempdir_metatable)
end

--- All that is below a directory; see weft.fs_walk.
fs.walk = fs_walk.walk

--- Changes of a file or in a directory; see weft.fs_watch.
fs.watch = fs_watch.watch

return fs
