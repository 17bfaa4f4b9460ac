--- The demo of fetch_all: 200 pages, and whether each came to what was meant.
-- @module support.demo

local demo_server = require "support.demo_server"

local demo = {}

-- What there is: how many pages of a kind, how much of it each, and what is to
-- come of it: the kind of failure, if any, and the number of attempts.
local KINDS = {
  { "fast", 90, about = "answer at once" },
  { "slow", 40, about = "take 100 to 490 ms",
    number = function(i) return 90 + 10 * i end },
  { "redirect", 15, about = "lead on 1 to 5 times",
    number = function(i) return (i - 1) % 5 + 1 end },
  { "large", 10, about = "have 1 MB", number = 1000 },
  { "flaky", 15, about = "answer 500 at first, then well", number = 1,
    attempts = 2 },
  { "busy", 5, about = "answer 503 and Retry-After: 1, then well", number = 1,
    attempts = 2 },
  { "missing", 10, about = "answer 404: fail, and are not tried again",
    failure = "status" },
  { "cut", 10, about = "end too early: fail after 3 attempts", number = 5000,
    failure = "early_end", attempts = 3 },
  { "hanging", 5, about = "never answer: time out after 3 attempts",
    failure = "timeout", attempts = 3 },
}

-- The same order and jitter in each run.
local SEED = 1

local function shuffle(list)
  for i = #list, 2, -1 do
    local j = math.random(i)
    list[i], list[j] = list[j], list[i]
  end
end

-- All pages: path, and the line of KINDS they belong to.
local function all_pages()
  local pages = {}
  for _, kind in ipairs(KINDS) do
    local number = kind.number or 0
    for i = 1, kind[2] do
      local n = type(number) == "function" and number(i) or number
      pages[#pages + 1] = {
        path = ("/%s/%d/%d"):format(kind[1], n, i), kind = kind,
      }
    end
  end
  shuffle(pages)
  return pages
end

local function introduce(count, url, concurrency)
  print(("%d pages of a server at %s, %d requests at a time:"):format(count,
    url, concurrency))
  for _, kind in ipairs(KINDS) do
    print(("%5d %-9s %s"):format(kind[2], kind[1], kind.about))
  end
  print()
end

-- What is wrong with a job, if it did not come to what was meant.
local function difference(job, kind)
  local failure = job.failure and job.failure.kind
  local attempts = kind.attempts or 1
  if failure == kind.failure and job.attempts == attempts then return nil end
  return ("%s: expected %s after %d attempts, got %s after %d"):format(job.url,
    kind.failure or "ok", attempts, failure or "ok", job.attempts)
end

local function check(jobs, pages)
  local good = 0
  print()
  for i, job in ipairs(jobs) do
    local text = difference(job, pages[i].kind)
    if text then print(text) else good = good + 1 end
  end
  print(("%d of %d pages came to what was meant%s"):format(good, #jobs,
    good == #jobs and "; the failures are part of the demo." or "."))
  return good == #jobs
end

--- Runs the server and calls `fetch(urls)`, which returns the jobs. Returns
-- whether all came to what was meant. Parks.
---@param opts table
---@param fetch fun(urls: string[]): table
---@return boolean
function demo.run(opts, fetch)
  math.randomseed(SEED)
  return demo_server.with(function(url)
    local pages, urls = all_pages(), {}
    for i, page in ipairs(pages) do urls[i] = url .. page.path end
    if not opts.quiet then introduce(#urls, url, opts.concurrency) end
    return check(fetch(urls), pages)
  end)
end

return demo
