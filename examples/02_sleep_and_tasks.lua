--- Tasks: started with arguments, awaited for their results.
--
--   weft examples/02_sleep_and_tasks.lua
--
-- It prints
--   one by one: 10, which took as long as 4 calls
--   ping
--   pong
--   ping
--   pong
--   at once: 10, which took as long as 1 call

local weft = require "weft"

-- Stands for work that waits: for a network, a disk, a clock.
local function work(n)
  weft.sleep(0.2)
  return n
end

local function show(what, sum, began)
  local calls = math.floor((weft.now() - began) / 0.2)
  print(("%s: %d, which took as long as %d call%s"):format(what, sum, calls,
    calls == 1 and "" or "s"))
end

local began = weft.now()
show("one by one", work(1) + work(2) + work(3) + work(4), began)

-- A task runs until it waits; then it is the next one's turn. Between two calls
-- that wait nobody interrupts it.
local function say_twice(word)
  for _ = 1, 2 do
    print(word)
    weft.yield() -- waits for nothing but the others' turn
  end
end

local ping, pong = weft.spawn(say_twice, "ping"), weft.spawn(say_twice, "pong")
ping:await()
pong:await()

-- Four sleeps at once take no longer than one.
began = weft.now()
local tasks, sum = {}, 0
for n = 1, 4 do tasks[n] = weft.spawn(work, n) end -- begins when we wait
for _, task in ipairs(tasks) do sum = sum + task:await() end
show("at once", sum, began)
