--- One operation where few or many tasks do it: weft bench/growth/growth.lua
--   switch TASKS TIMES    a yield, all tasks in turn
--   spawn TASKS TIMES     a task spawned and joined, that many at once
--   timer TASKS TIMES     a timeout around a yield, one in each task
--   queue TASKS TIMES     an item, half of the tasks put and half get
-- Prints the nanoseconds of one. Where tasks are not what is measured they
-- have been spawned before, have done it once, and end later.

local weft = require "weft"

local work, tasks, times = ...
tasks, times = tonumber(tasks), tonumber(times)

local done = 0 -- operations, to be checked

-- Each runs `body(times, task)` in all tasks, once they are all there and have
-- warmed up, and returns how long it took until the last has done.
local function in_all(body)
  local start, finish = weft.event(), weft.event()
  local began, ended
  local left, ready = tasks, 0
  local function task(number)
    body(1, number)
    ready = ready + 1
    start:wait()
    body(times, number)
    left = left - 1
    if left == 0 then
      ended = weft.now()
      finish:set()
    end
    finish:wait()
  end
  weft.group(function(group)
    for number = 1, tasks do group:spawn(task, number) end
    repeat weft.yield() until ready == tasks
    began, done = weft.now(), 0
    start:set()
  end)
  return ended - began
end

local works = {}

function works.switch()
  return in_all(function(rounds)
    for _ = 1, rounds do weft.yield() end
    done = done + rounds
  end)
end

function works.spawn()
  local function body() done = done + 1 end
  local function batch()
    weft.group(function(group)
      for _ = 1, tasks do group:spawn(body) end
    end)
  end
  batch()
  local began = weft.now()
  done = 0
  for _ = 1, times do batch() end
  return weft.now() - began
end

function works.timer()
  return in_all(function(rounds, number)
    for round = 1, rounds do
      weft.timeout(60 + (number * 7 + round) % 1000, weft.yield)
    end
    done = done + rounds
  end)
end

function works.queue()
  local queue = weft.queue(128)
  return in_all(function(rounds, number)
    if number % 2 == 1 then
      for _ = 1, rounds do queue:put(number) end
    else
      for _ = 1, rounds do queue:get() end
    end
    done = done + rounds
  end)
end

local took = works[work]()
assert(done == tasks * times, "wrong number of operations")
-- An item is put and got.
local operations = work == "queue" and done / 2 or done
print(("each %.3f"):format(took / operations * 1e9))
