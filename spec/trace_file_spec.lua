-- The trace of tasks in a file: read back by a JSON parser.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"
local json = require "weft.json"
local trace_file = require "weft.trace_file"

testing.options { virtual = true }

local path

-- The events in the file, and by task's id its slices, each checked to be
-- paired; `open` allows those that the program's death has left open.
local function read_trace(open)
  local file = io.open(path)
  local events = json.decode(file:read "*a")
  file:close()
  local rows, stacks = {}, {}
  for _, event in ipairs(events) do
    local row = rows[event.tid] or {}
    local stack = stacks[event.tid] or {}
    rows[event.tid], stacks[event.tid] = row, stack
    if event.ph == "B" then
      assert.equal(0, #stack)
      stack[1] = event
      row[#row + 1] = event.name
    elseif event.ph == "E" then
      assert.is_true(event.ts >= table.remove(stack).ts)
    elseif event.ph == "M" then
      row.name = event.args.name
    end
  end
  for _, stack in pairs(stacks) do assert.is_true(open or #stack == 0) end
  return events, rows
end

local function row_of(rows, name)
  for _, row in pairs(rows) do
    if row.name == name then return row end
  end
  error("no row " .. name)
end

-- Runs a script with the weft program; returns its exit status.
local function run(code)
  local script = os.tmpname()
  local file = io.open(script, "w")
  file:write("local weft = require 'weft'\n",
    ("require('weft.trace_file').start(%q)\n"):format(path), code)
  file:close()
  local status = os.execute(("timeout -s KILL 20 %s %s >/dev/null 2>&1")
    :format(os.getenv "WEFT" or "build/weft", script))
  os.remove(script)
  return status
end

describe("a trace in a file", function()
  before_each(function() path = os.tmpname() end)
  after_each(function()
    trace_file.stop()
    os.remove(path)
  end)

  local function work()
    local queue = weft.queue(1)
    weft.group(function(g)
      g:spawn("producer", function()
        for i = 1, 3 do queue:put(i) end
        queue:shutdown()
      end)
      g:spawn("consumer", function()
        for _ in queue:items() do weft.yield() end
      end)
    end)
  end

  it("has a row a task, full of paired slices, and arrows", function()
    trace_file.start(path)
    work()
    assert.is_true(trace_file.stop())
    local events, rows = read_trace()
    assert.same({ "step", "group", "ready", "step" }, rows[1].name == "main"
      and { unpack(rows[1]) })
    local producer = row_of(rows, "producer")
    assert.equal("ready", producer[1])
    assert.equal("step", producer[2])
    assert.equal("queue (to put)", producer[3])
    local begun, ended = {}, {}
    for _, event in ipairs(events) do
      if event.ph == "s" then begun[event.id] = event end
      if event.ph == "f" then ended[event.id] = event end
    end
    assert.is_true(#begun > 2)
    for id, event in pairs(begun) do
      assert.equal(event.ts, ended[id].ts)
      assert.are_not.equal(event.tid, ended[id].tid)
    end
  end)

  it("begins with the next run, and ends with it", testing.plain(function()
    trace_file.start(path)
    testing.virtual(work)()
    assert.is_false(trace_file.stop())
    local _, rows = read_trace()
    assert.equal("ready", row_of(rows, "main")[1])
    assert.equal("step", rows[1][#rows[1]])
    os.remove(path)
    testing.virtual(work)()
    assert.is_nil(io.open(path))
  end))

  it("may be stopped before that", testing.plain(function()
    trace_file.start(path)
    assert.is_true(trace_file.stop())
    testing.virtual(work)()
    local file = io.open(path)
    assert.equal("", file:read "*a")
    file:close()
  end))

  it("is well-formed when the program fails, is ended or leaves", function()
    run "weft.spawn('a', weft.sleep, 0.001):await() error 'broken'"
    local _, rows = read_trace()
    assert.is_table(row_of(rows, "a"))
    run [[
      weft.call_later(0.01, function()
        os.execute("(sleep 0.05; kill -INT $PPID) &")
      end)
      weft.spawn("a", weft.sleep_forever):await()
    ]]
    _, rows = read_trace()
    assert.is_table(row_of(rows, "a"))
    run "weft.spawn('a', weft.sleep, 0.001):await() os.exit(3)"
    _, rows = read_trace(true)
    assert.is_table(row_of(rows, "a"))
    run [[
      weft.spawn("a", weft.sleep, 0.001):await()
      os.execute("kill -KILL $PPID")
      weft.sleep(1)
    ]]
    read_trace(true)
  end)

  it("refuses what is no file, and a second at a time", function()
    helper.refuses({ "path must be the name of a file, got number 5" },
      trace_file.start, 5)
    helper.refuses({ "path must be" }, trace_file.start, "")
    local err = helper.fails("OSError", trace_file.start, "/nowhere/a.json")
    assert.is_truthy(err.message:find("/nowhere/a.json", 1, true))
    trace_file.start(path)
    err = helper.fails("InvalidStateError", trace_file.start, path)
    assert.is_truthy(err.message:find("is being written", 1, true))
  end)
end)
