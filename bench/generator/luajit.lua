--- Items of a coroutine that a for loop consumes, in bare LuaJIT:
--   luajit bench/generator/luajit.lua plain ITEMS
-- Prints the nanoseconds of one item.

local usage = dofile "bench/usage.lua"

local work, items = ...
assert(work == "plain", "bare LuaJIT has no scheduler to yield to")
items = tonumber(items)

local function generate(count)
  return coroutine.wrap(function()
    for i = 1, count do coroutine.yield(i) end
  end)
end

-- Returns how long it took to consume `count` items.
local function consume(count)
  local sum = 0
  local began = usage.now()
  for item in generate(count) do sum = sum + item end
  local took = usage.now() - began
  assert(sum == count * (count + 1) / 2, "wrong items")
  return took
end

consume(math.floor(items / 10))
print(("item %.3f"):format(consume(items) / items * 1e9))
