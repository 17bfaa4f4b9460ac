--- What this process has used so far, as the system counts it, and its clock.
-- For the programs here, which run in the root of the tree, by
-- `dofile "bench/usage.lua"`. Sizes are bytes, times seconds.

local ffi = require "ffi"

ffi.cdef [[
struct bench_timeval { long seconds, microseconds; };
struct bench_rusage {
  struct bench_timeval user, system;
  long peak_kilobytes; /* on Linux */
  long others[13];
};
struct bench_timespec { long seconds, nanoseconds; };
int getrusage(int who, struct bench_rusage *usage);
int clock_gettime(int clock, struct bench_timespec *now);
long sysconf(int name);
]]

local RUSAGE_SELF, RUSAGE_CHILDREN = 0, -1
local SC_PAGESIZE = 30 -- on Linux
local CLOCK_MONOTONIC = 1 -- on Linux

local function rusage(who)
  local used = ffi.new "struct bench_rusage"
  assert(ffi.C.getrusage(who or RUSAGE_SELF, used) == 0, "getrusage fails")
  return used
end

local function seconds(time)
  return tonumber(time.seconds) + tonumber(time.microseconds) / 1e6
end

local usage = {}

--- The time that has passed, for programs without weft.now().
---@return number seconds
function usage.now()
  local now = ffi.new "struct bench_timespec"
  assert(ffi.C.clock_gettime(CLOCK_MONOTONIC, now) == 0, "no clock")
  return tonumber(now.seconds) + tonumber(now.nanoseconds) / 1e9
end

--- CPU time, the kernel's part included.
---@return number seconds
function usage.cpu()
  local used = rusage()
  return seconds(used.user) + seconds(used.system)
end

--- The same with that of the processes that have been run and waited for.
---@return number seconds
function usage.cpu_of_all()
  local used = rusage(RUSAGE_CHILDREN)
  return usage.cpu() + seconds(used.user) + seconds(used.system)
end

--- The most memory that was ever resident at once.
---@return number bytes
function usage.peak_bytes()
  return tonumber(rusage().peak_kilobytes) * 1024
end

--- The memory that is resident now.
---@return number bytes
function usage.resident_bytes()
  local file = assert(io.open "/proc/self/statm")
  local pages = file:read("*l"):match "^%d+ (%d+)"
  file:close()
  return tonumber(pages) * tonumber(ffi.C.sysconf(SC_PAGESIZE))
end

return usage
