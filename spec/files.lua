--- What the specs of files share: a directory of their own, what Lua itself
-- does to files in it, and threads that are kept busy. The numbers are Linux's.
local ffi = require "ffi"
local lfs = require "lfs"
local weft = require "weft"
local testing = require "weft.testing"

local files = {}

ffi.cdef [[
  int mkfifo(const char *path, unsigned mode);
  int mount(const char *source, const char *target, const char *type,
            unsigned long flags, const void *data);
  int umount2(const char *target, int flags);
  unsigned umask(unsigned mask);
  int getpid(void);
]]

-- Threads that are used for files at a time.
files.THREADS = 3

-- -- The directory -----------------------------------------------------------

--- A directory until the end of the test: its path with a slash at its end, and
-- without.
function files.directory()
  local directory = testing.temp_dir()
  return directory .. "/", directory
end

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
