--- Fetches many URLs at once, and reports on each: concurrency, rate, timeouts,
-- retries, Ctrl-C. What weft is for, in one program.
--
--   weft examples/fetch_all.lua --demo
--   weft examples/fetch_all.lua --help
--
-- It prints a line of JSON for each URL, and a table at the end; the demo, what
-- it is about to fetch and the table.

package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. package.path

local demo = require "support.demo"
local http = require "weft.http"
local options = require "support.options"
local report = require "support.report"
local retry = require "support.retry"
local weft = require "weft"

local EXIT_FAILED, EXIT_USAGE = 1, 2

-- Jobs that are begun and not done: those in flight, and those that wait to be
-- tried again. It bounds the memory that a long list takes.
local BEGUN_MAX = 10000

-- -- One URL -----------------------------------------------------------------

local function new_job(url)
  return { url = url, attempts = 0, elapsed = 0, bytes = 0, asked = 0 }
end

-- Makes a request and counts the bytes of the body as they come, so that no
-- body is ever in memory.
local function request(job, session)
  local response = session:get(job.url, { stream = true })
  job.status = response.status
  return weft.finally(function()
    for chunk in response:chunks() do job.bytes = job.bytes + #chunk end
    return response
  end, function() response:close() end)
end

-- One attempt. What comes of it is in the job; only Cancelled is raised.
local function attempt(job, run)
  job.attempts = job.attempts + 1
  job.status, job.bytes, job.asked = nil, 0, 0
  local began = weft.now()
  local seconds
  local response, err = weft.finally(function()
    return weft.try(weft.timeout, run.opts.timeout, function()
      return request(job, run.session)
    end)
  end, function()
    seconds = weft.now() - began
    job.elapsed = job.elapsed + seconds
  end)
  run.report:add_latency(seconds)
  job.failure = retry.failure(response, err)
  job.asked = retry.seconds_asked(response and response.headers["Retry-After"])
end

-- All attempts. A job has one of the places only while a request is under way,
-- so one that waits to be tried again holds up nobody.
local function fetch(job, run)
  repeat
    run.places:with(function()
      if run.limiter then run.limiter:acquire() end
      attempt(job, run)
    end)
    local seconds = retry.wait(job, run.opts)
    if seconds then weft.sleep(seconds) end
  until not seconds
  run.report:add(job)
end

-- -- All of them -------------------------------------------------------------

-- An even flow: at most a tenth of a second's requests at a time.
local function new_limiter(rate)
  return rate and weft.rate_limiter(rate, 1, { burst = math.max(rate / 10, 1) })
end

-- Fetches all; none of them can hurt the others, for a failure is in its job.
local function fetch_jobs(jobs, run)
  weft.group(function(group)
    group:spawn("progress", function()
      run.report:show_progress(function()
        return run.opts.concurrency - run.places:value()
      end)
    end)
    weft.each(jobs, function(job) fetch(job, run) end, { limit = BEGUN_MAX })
    group:cancel() -- the progress line
  end)
end

-- Fetches all within the total timeout. The report is finished on every way
-- out: with Ctrl-C too, which goes on when that is done.
local function fetch_all(jobs, opts, rep)
  local run = {
    opts = opts, report = rep,
    places = weft.semaphore(opts.concurrency),
    limiter = new_limiter(opts.rate),
    session = http.session { max_connections = opts.concurrency },
  }
  weft.finally(function()
    weft.move_on_after(opts.total_timeout, function()
      fetch_jobs(jobs, run)
    end)
  end, function()
    run.session:close()
    rep:finish()
  end)
end

-- -- The program -------------------------------------------------------------

local function complain(text, ...)
  io.stderr:write("fetch_all: ", text:format(...), "\n")
end

local function fail_usage(text)
  complain("%s", text)
  os.exit(EXIT_USAGE)
end

local function open_output(opts)
  if not opts.output then return not opts.demo and io.stdout or nil end
  local file, err = io.open(opts.output, "w")
  return file or fail_usage("cannot write " .. err)
end

-- Fetches the URLs and returns the jobs and the report on them.
local function run_with(urls, opts)
  local lines = open_output(opts)
  local jobs = {}
  for i, url in ipairs(urls) do jobs[i] = new_job(url) end
  local rep = report.new(jobs, {
    lines = lines, quiet = opts.quiet,
    tables = lines == io.stdout and io.stderr or io.stdout,
  })
  fetch_all(jobs, opts, rep)
  return jobs, rep
end

local function run_urls(opts)
  local urls, problem = options.read_urls(opts)
  if not urls then fail_usage(problem) end
  retry.seed()
  local _, rep = run_with(urls, opts)
  return rep:all_ok()
end

local function run_demo(opts)
  return demo.run(opts, function(urls) return (run_with(urls, opts)) end)
end

local function main(...)
  local opts, help, problem = options.parse { ... }
  if help then return print(help) end
  if not opts then fail_usage(problem .. "; see --help") end
  local all_ok
  weft.catch(function()
    all_ok = opts.demo and run_demo(opts) or not opts.demo and run_urls(opts)
  end, { { report.OutputError, function(group)
    complain("cannot write the output: %s", group:leaves()[1].message)
  end } })
  if not all_ok then os.exit(EXIT_FAILED) end
end

main(...)
