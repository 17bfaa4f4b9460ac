--- What can be asked of a task: its name, whether it is done, how it ended.
--
--   weft examples/08_names_and_results.lua
--
-- It prints
--   painter: "painter" works for main
--   done: false, result: InvalidStateError
--   painter is done
--   done: true, results: red 3
--   juggler failed: Error: dropped a ball
--   sleeper cancelled: true, TaskCancelledError
--   still there: main

local weft = require "weft"

local main = weft.current_task()

local painter = weft.spawn("painter", function()
  print(("painter: %q works for %s"):format(weft.current_task():name(),
    main:name()))
  weft.sleep(0.01)
  return "red", 3
end)

-- Called by the loop when the task has ended.
painter:add_done_callback(function(task) print(task:name() .. " is done") end)

weft.yield() -- it begins
local _, err = weft.try(painter.result, painter)
print(("done: %s, result: %s"):format(painter:done(), err.name))

painter:await() -- returns the results, or raises the error
weft.yield() -- the callback's turn
print(("done: %s, results: %s %d"):format(painter:done(), painter:result()))

-- To look at the error of a task does not raise it.
local juggler = weft.spawn("juggler", function() error("dropped a ball", 0) end)
weft.wait { juggler }
print("juggler failed: " .. tostring(juggler:error()))

local sleeper = weft.spawn(weft.sleep_forever)
sleeper:set_name "sleeper"
sleeper:cancel()
weft.wait { sleeper }
print(("%s cancelled: %s, %s"):format(sleeper:name(), sleeper:cancelled(),
  sleeper:error().name))

local names = weft.collect(weft.all_tasks(), main.name)
print("still there: " .. table.concat(names, " "))
