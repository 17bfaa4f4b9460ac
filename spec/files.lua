--- What the specs of files share: a directory of their own, what Lua itself
-- does to files in it, and threads that are kept busy. The numbers are Linux's.
local ffi = require "ffi"
local lfs = require "lfs"
local weft = require "weft"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local files = {}

ffi.cdef [[
  int mkfifo(const char *path, unsigned mode);
  char *mkdtemp(char *template);
  int mount(const char *source, const char *target, const char *type,
            unsigned long flags, const void *data);
  int umount2(const char *target, int flags);
  unsigned umask(unsigned mask);
  int getpid(void);
]]

-- Threads that are used for files at a time.
files.THREADS = 3

-- -- The directory -----------------------------------------------------------

local function make_directory()
  local template = ffi.new("char[?]", 32, "/tmp/weft-spec-XXXXXX")
  assert(ffi.C.mkdtemp(template) ~= nil)
  return ffi.string(template)
end

local warm = false

-- libuv keeps a few descriptors for all runtimes to come.
local function warm_up()
  if not warm then weft.run(function() weft.fs.exists "/" end) end
  warm = true
end

local function run_in_directory(run, fn)
  return function()
    warm_up()
    local before = loopback.descriptors()
    local directory = make_directory()
    local ok, err = pcall(run(function() fn(directory .. "/", directory) end))
    os.execute("rm -rf " .. directory)
    if not ok then error(err, 0) end
    local after = loopback.descriptors()
    if after ~= before then
      error(("%d descriptors before, %d after"):format(before, after), 0)
    end
  end
end

--- A test on the real clock; fn(dir, directory) gets the path of a directory of
-- its own, once with a slash at its end. No descriptor may be left.
function files.test(fn) return run_in_directory(helper.run, fn) end

--- Likewise on the virtual clock.
function files.virtual(fn) return run_in_directory(helper.virtual, fn) end

-- -- Plain files -------------------------------------------------------------

--- Writes a file without weft; returns its path.
function files.put(path, text, mode)
  local file = assert(io.open(path, mode or "w"))
  assert(file:write(text))
  file:close()
  return path
end

--- Reads a file without weft; nil if it is not there.
function files.get(path)
  local file = io.open(path)
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

--- The names in a directory, sorted.
function files.names(directory)
  local names = {}
  for name in lfs.dir(directory) do
    if name ~= "." and name ~= ".." then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

function files.mkfifo(path)
  assert(ffi.C.mkfifo(path, 384) == 0)
  return path
end

-- -- Busy threads ------------------------------------------------------------
-- Opening a FIFO blocks its thread until somebody opens the other end.

local NUMBERS = { -- of system calls
  open = { x64 = 257, arm64 = 56 }, -- openat
  read = { x64 = 0, arm64 = 63 },
}

-- The thread that looks is in a read itself.
local function count_blocked(call)
  local wanted, own = NUMBERS[call][jit.arch], ffi.C.getpid()
  local count = 0
  for name in lfs.dir "/proc/self/task" do
    local number = tonumber(name)
    local file = number and number ~= own
      and io.open("/proc/self/task/" .. name .. "/syscall")
    if file then
      local is = tonumber((file:read "*l" or ""):match "^%d+")
      if is == wanted then count = count + 1 end
      file:close()
    end
  end
  return count
end

--- Waits until so many threads are blocked in the call, "open" or "read": until
-- their work has begun.
function files.await_blocked(count, call)
  while count_blocked(call or "open") < count do weft.yield() end
end

--- Calls fn while every thread that is for files is busy.
function files.with_busy_threads(dir, fn)
  local tasks, paths = {}, {}
  for i = 1, files.THREADS do
    paths[i] = files.mkfifo(dir .. "busy" .. i)
    tasks[i] = weft.spawn(function()
      weft.fs.open(paths[i]):close()
    end)
  end
  files.await_blocked(files.THREADS)
  local ok, err = pcall(fn)
  local ends = {}
  for i, path in ipairs(paths) do ends[i] = io.open(path, "r+") end
  for i, task in ipairs(tasks) do
    task:await()
    ends[i]:close()
    os.remove(paths[i])
  end
  if not ok then error(err, 0) end
end

-- -- Small disks -------------------------------------------------------------

local READ_ONLY, REMOUNT, DETACH = 1, 32, 2

--- Calls fn(path) with a file system of so many bytes, if we may mount one;
-- returns whether we may.
function files.with_disk(dir, size, fn)
  local path = dir .. "disk"
  assert(lfs.mkdir(path))
  if ffi.C.mount("weft-spec", path, "tmpfs", 0, "size=" .. size) ~= 0 then
    return false
  end
  local ok, err = pcall(fn, path .. "/", function()
    assert(ffi.C.mount(nil, path, nil, REMOUNT + READ_ONLY, nil) == 0)
  end)
  assert(ffi.C.umount2(path, DETACH) == 0)
  if not ok then error(err, 0) end
  return true
end

return files
