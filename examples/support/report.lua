--- What fetch_all tells: JSON lines, the progress line, the closing table.
--
-- A job is counted and written once, when it is done; `finish` does the same
-- for those that were cut off, so that the report is always complete.
-- @module support.report

local ffi = require "ffi"
local json = require "weft.json"
local weft = require "weft"

local report = {}

--- Raised when a line cannot be written: a full disk, a closed pipe.
report.OutputError = weft.error_class "OutputError"

local CLEAR_LINE = "\r\27[K"
local STDOUT, STDERR = 1, 2

ffi.cdef "int isatty(int fd);"

-- A report on a list of jobs.
---@class support.Report
local Report = {}
local metatable = { __name = "support.Report", __index = Report }

--- Makes a report on `jobs`. opts: `lines`, the file for JSON lines, if any;
-- `tables`, the file for the closing table; `quiet`.
---@param jobs table
---@param opts table
---@return support.Report
function report.new(jobs, opts)
  return setmetatable({
    jobs = jobs, began = weft.now(),
    lines = opts.lines, tables = not opts.quiet and opts.tables or nil,
    on_terminal = not opts.quiet and ffi.C.isatty(STDERR) == 1,
    shares_terminal = opts.lines == io.stdout and ffi.C.isatty(STDOUT) == 1,
    done_count = 0, ok_count = 0, failed_by_kind = {}, latencies = {},
  }, metatable)
end

-- -- JSON lines --------------------------------------------------------------

-- JSON is UTF-8: bytes that are none are written as %XX.
local function as_utf8(text)
  local pieces, i = {}, 1
  while i <= #text do
    local piece = text:match("^[%z\1-\127]+", i)
      or text:match("^[\194-\223][\128-\191]", i)
      or text:match("^[\224-\239][\128-\191][\128-\191]", i)
      or text:match("^[\240-\244][\128-\191][\128-\191][\128-\191]", i)
    pieces[#pieces + 1] = piece or ("%%%02X"):format(text:byte(i))
    i = i + (piece and #piece or 1)
  end
  return table.concat(pieces)
end

local function as_json(job)
  local failure = job.failure
  return json.encode {
    url = as_utf8(job.url), status = job.status or json.null, ok = not failure,
    bytes = job.bytes, attempts = job.attempts,
    elapsed = math.floor(job.elapsed * 1e6 + 0.5) / 1e6,
    error = failure and {
      kind = failure.kind, message = as_utf8(failure.message),
    } or json.null,
  }
end

function Report:write_line(job)
  if not self.lines then return end
  if self.on_terminal and self.shares_terminal then
    io.stderr:write(CLEAR_LINE)
  end
  local ok, err = self.lines:write(as_json(job), "\n")
  if ok then ok, err = self.lines:flush() end
  if ok then return end
  self.lines = nil -- the rest would fail in the same way
  error(report.OutputError(err))
end

-- -- Counting ----------------------------------------------------------------

--- Takes note of how long one request took.
---@param seconds number
function Report:add_latency(seconds)
  self.latencies[#self.latencies + 1] = seconds
end

--- Takes note of a job that is done, and writes its line.
---@param job table
function Report:add(job)
  job.done = true
  self.done_count = self.done_count + 1
  local failure = job.failure
  if failure then
    local kind = failure.kind == "status" and "status " .. job.status
      or failure.kind
    self.failed_by_kind[kind] = (self.failed_by_kind[kind] or 0) + 1
  else
    self.ok_count = self.ok_count + 1
  end
  self:write_line(job)
end

--- Whether every job is done and went well.
---@return boolean
function Report:all_ok() return self.ok_count == #self.jobs end

-- -- The progress line -------------------------------------------------------

-- "1:02:03", "2:03" or "3 s".
local function duration(seconds)
  local s = math.ceil(seconds)
  if s < 60 then return s .. " s" end
  local text = ("%d:%02d"):format(math.floor(s / 60) % 60, s % 60)
  if s < 3600 then return text end
  return ("%d:%s"):format(math.floor(s / 3600), ("0" .. text):sub(-5))
end

--- The progress line, short enough for a terminal of 80 columns.
---@param in_flight number
---@return string
function Report:progress(in_flight)
  local done, total = self.done_count, #self.jobs
  local rate = done / math.max(weft.now() - self.began, 1e-9)
  local left = done > 0 and duration((total - done) / rate) or "?"
  return ("%d/%d done, %d failed, %d in flight, %.1f/s, %s left"):format(
    done, total, done - self.ok_count, in_flight, rate, left)
end

--- Shows the progress line, if stderr is a terminal, until it is cancelled.
-- Parks.
---@param in_flight fun(): number
function Report:show_progress(in_flight)
  if not self.on_terminal then return end
  weft.finally(function()
    while true do
      io.stderr:write(CLEAR_LINE, self:progress(in_flight()))
      weft.sleep(0.1)
    end
  end, function() io.stderr:write(CLEAR_LINE) end)
end

-- -- The closing table -------------------------------------------------------

local function bytes_text(n)
  for _, unit in ipairs { "bytes", "kB", "MB", "GB" } do
    if n < 1000 or unit == "GB" then
      return (unit == "bytes" and "%d %s" or "%.1f %s"):format(n, unit)
    end
    n = n / 1000
  end
end

-- "2 early_end, 5 timeout": sorted, so that it is the same each time.
local function kinds_text(counts)
  local pieces = {}
  for kind, count in pairs(counts) do
    pieces[#pieces + 1] = { kind, count }
  end
  table.sort(pieces, function(a, b) return a[1] < b[1] end)
  for i, piece in ipairs(pieces) do
    pieces[i] = piece[2] .. " " .. piece[1]
  end
  return table.concat(pieces, ", ")
end

local function seconds_text(seconds)
  if seconds < 1 then return ("%.1f ms"):format(seconds * 1000) end
  return ("%.2f s"):format(seconds)
end

local function latency_text(latencies)
  if #latencies == 0 then return "none was done" end
  table.sort(latencies)
  local function percentile(p)
    return seconds_text(latencies[math.max(math.ceil(#latencies * p), 1)])
  end
  return ("latency: p50 %s, p95 %s, max %s"):format(percentile(0.5),
    percentile(0.95), percentile(1))
end

local function sum_of(jobs, field)
  local sum = 0
  for _, job in ipairs(jobs) do sum = sum + job[field] end
  return sum
end

-- The lines of the table: what, how much, more about it.
local function rows(self)
  local jobs = self.jobs
  local wall, sum = weft.now() - self.began, sum_of(jobs, "elapsed")
  local begun = sum_of(jobs, "attempts")
  return {
    { "URLs", #jobs },
    { "ok", self.ok_count },
    { "failed", #jobs - self.ok_count, kinds_text(self.failed_by_kind) },
    { "requests", begun, latency_text(self.latencies) },
    { "body", bytes_text(sum_of(jobs, "bytes")) },
    { "wall time", ("%.2f s"):format(wall) },
    { "one by one", ("%.2f s"):format(sum), "the sum of the latencies"
      .. (sum > wall and (", %.1f times as long"):format(sum / wall) or "") },
  }
end

function Report:write_table()
  local out = self.tables
  if not out then return end
  for _, row in ipairs(rows(self)) do
    local line = ("%-11s %9s   %s"):format(row[1], row[2], row[3] or "")
    out:write(line:match "^(.-)%s*$", "\n")
  end
  out:flush()
end

--- Lists as cancelled what is not done, then writes the table.
function Report:finish()
  for _, job in ipairs(self.jobs) do
    if not job.done then
      job.failure = {
        kind = "cancelled",
        message = job.attempts > 0 and "cut off" or "not begun",
      }
      self:add(job)
    end
  end
  self:write_table()
end

return report
