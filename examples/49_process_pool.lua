--- Many programs, two at once: each is fed, read and checked, and none is left.
--
--   weft examples/49_process_pool.lua
--
-- It prints
--   letters: 4 letters
--   nothing: failed: sh -c 'echo "no input" >&2; exit 3' ended with status 3
--   words: 3 words
--   sleeper: took too long
--   4 of 4 done

local weft = require "weft"
local run = weft.process.run

-- What each job does; a command is a list of words, no shell is involved unless
-- it is asked for.
local jobs = {
  { name = "letters", unit = "letters",
    command = { "sh", "-c", "printf %s $(wc -c)", input = "weft" } },
  { name = "nothing",
    command = { "sh", "-c", 'echo "no input" >&2; exit 3' } },
  { name = "words", unit = "words",
    command = { "sh", "-c", "printf %s $(wc -w)", input = "warp and weft" } },
  { name = "sleeper",
    command = { "sleep", "60", timeout = 0.1 } }, -- is ended by then
}

-- The result as a sentence. ProcessError and TimeoutError are expected here.
local function result_of(job)
  local result, err = weft.try(run, job.command)
  if result then return result.stdout .. " " .. job.unit end
  if err:is "TimeoutError" then return "took too long" end
  return "failed: " .. err.message:match "[^\n:]+"
end

local results, done = {}, 0
weft.each(jobs, function(job)
  results[job] = result_of(job)
  done = done + 1
end, { limit = 2 })

for _, job in ipairs(jobs) do print(job.name .. ": " .. results[job]) end
print(done .. " of " .. #jobs .. " done")
