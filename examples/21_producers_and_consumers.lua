--- Producers and consumers: a queue between those who make work and who do it.
--
--   weft examples/21_producers_and_consumers.lua
--
-- It prints
--   ada: job 1
--   bob: job 2
--   ada: job 3
--   bob: job 4
--   ada: job 5
--   all 5 jobs are done; never more than 2 waited

local weft = require "weft"

-- It holds two jobs: who puts more waits until somebody takes one. So no work
-- piles up, however fast it comes in.
local jobs = weft.queue(2)
local most = 0

local function produce(count)
  for job = 1, count do
    jobs:put(job)
    most = math.max(most, jobs:size())
  end
end

-- items ends when the queue is shut down and empty.
local function consume(name)
  for job in jobs:items() do
    print(("%s: job %d"):format(name, job))
    weft.sleep(0.01)
    jobs:task_done()
  end
end

weft.group(function(group)
  group:spawn(consume, "ada")
  group:spawn(consume, "bob")
  produce(5)
  jobs:join() -- until task_done was called for each job that was put
  print(("all 5 jobs are done; never more than %d waited"):format(most))
  jobs:shutdown() -- the consumers end
end)
