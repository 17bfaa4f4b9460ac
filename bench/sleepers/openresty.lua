--- Light threads of OpenResty that sleep 0 to 1000 ms:
--   bench/peers/openresty bench/sleepers/openresty.lua TASKS
-- Prints the CPU seconds and the peak megabytes of nginx.

local usage = dofile "bench/usage.lua"

local tasks = tonumber((...))
local woken = 0

local threads = {}
for task = 1, tasks do
  threads[task] = ngx.thread.spawn(function()
    ngx.sleep(task % 1001 / 1000)
    woken = woken + 1
  end)
end
for task = 1, tasks do assert(ngx.thread.wait(threads[task])) end
assert(woken == tasks, "a sleeper has not woken")
print(("cpu %.4f"):format(usage.cpu()))
print(("peak %.2f"):format(usage.peak_bytes() / 1e6))
