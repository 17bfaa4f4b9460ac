--- The model test without an end: `make fuzz`, or `make fuzz SEED=n` to begin
-- with the program of a seed.
--
--   luajit spec/model/fuzz.lua [SEED [SCHEDULES]]
--
-- It stops at the first failure, with status 1 and the program shrunk; or after
-- so many schedules, if that is given.
local ffi = require "ffi"
local search = require "spec.model.search"

-- Ctrl-C ends it on the spot: an error raised by it, or a cancellation, would
-- look like a failure of the program that is just run.
ffi.cdef [[
  void (*signal(int number, void (*handler)(int)))(int);
  void _exit(int status);
]]
local SIGINT = 2
ffi.C.signal(SIGINT, ffi.C._exit)

local PROGRESS = 0.2 -- seconds between two looks at the count

local function is_terminal()
  local status = os.execute "test -t 2"
  return status == 0 or status == true
end

local first = tonumber(arg[1]) or os.time() % 1e6 * 1000
local limit = tonumber(arg[2]) or math.huge
local shows_progress = is_terminal()

-- On a line of its own, not on that of the progress.
local function say(text, ...)
  io.write(shows_progress and "\n" or "", text:format(...))
end

io.write(("model: seeds from %d on\n"):format(first))
io.flush()

local count, seed, shown = 0, first, os.clock()
while count < limit do
  local more, failure = search.try(seed)
  count, seed = count + more, seed + 1
  if failure then
    say("failed, after %d schedules\n%s\n", count, search.describe(failure))
    os.exit(1)
  end
  if shows_progress and os.clock() - shown > PROGRESS then
    shown = os.clock()
    io.stderr:write(("\r%d schedules, seed %d "):format(count, seed))
  end
end
say("model: %d schedules, no failure\n", count)
