--- Processes run to their end by luv, some at once:
--   luajit bench/process/luv.lua null|pipes PROCESSES AT_ONCE
-- Prints the microseconds of one, and of CPU time, its own included.

local coroutines = dofile "bench/peers/coroutines.lua"
local usage = dofile "bench/usage.lua"
local uv = require "luv"

local how, count, at_once = ...
count, at_once = tonumber(count), tonumber(at_once)

-- Reads a pipe to its end; `said` gets what there was.
local function read(pipe, said, ended)
  pipe:read_start(function(err, bytes)
    assert(not err, err)
    if bytes then
      said[#said + 1] = bytes
    else
      pipe:close()
      ended()
    end
  end)
end

local function run_true()
  local said = {}
  local status = coroutines.wait(function(done)
    local pipes, left, code = {}, 1, nil
    local function ended()
      left = left - 1
      if left == 0 then done(code) end
    end
    if how == "pipes" then
      pipes = { uv.new_pipe(false), uv.new_pipe(false) }
    end
    local process
    process = assert(uv.spawn("/bin/true", { stdio = { nil, unpack(pipes) } },
      function(exit)
        code = exit
        process:close()
        ended()
      end))
    left = left + #pipes
    for _, pipe in ipairs(pipes) do read(pipe, said, ended) end
  end)
  assert(status == 0 and #said == 0, "wrong result")
end

local function round(times)
  local left = times
  coroutines.run(at_once, function()
    while left > 0 do
      left = left - 1
      run_true()
    end
  end)
end

round(math.ceil(count / 10))
local began, cpu_began = usage.now(), usage.cpu_of_all()
round(count)
local scale = 1e6 / count
print(("process %.3f"):format((usage.now() - began) * scale))
print(("cpu %.3f"):format((usage.cpu_of_all() - cpu_began) * scale))
