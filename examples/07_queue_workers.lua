--- A queue between one who makes work and several who do it.
--
--   weft examples/07_queue_workers.lua
--
-- The queue holds two jobs: who puts more waits until a worker takes one. It
-- prints the jobs as they are taken and done, and at the end
--   9 jobs done by 3 workers; never more than 2 waited

local weft = require "weft"

local WORKERS, JOBS = 3, 9
local jobs = weft.queue(2)
local done, most = 0, 0

-- Takes jobs until the queue is shut down and empty.
local function work(worker)
  for job in jobs:items() do
    for _ = 1, worker do weft.yield() end -- the third is the slowest
    print(("worker %d did job %d"):format(worker, job))
    done = done + 1
  end
end

weft.group(function(group)
  for worker = 1, WORKERS do group:spawn("worker " .. worker, work, worker) end
  for job = 1, JOBS do
    jobs:put(job)
    most = math.max(most, jobs:size())
  end
  jobs:shutdown() -- no more jobs; the workers do what is left, and end
end)

print(("%d jobs done by %d workers; never more than %d waited"):format(done,
  WORKERS, most))
