-- weft.tree(): the tasks as text, with what each waits for.
local weft = require "weft"
local helper = require "spec.helper"

local virtual = helper.virtual

-- Has everybody run who can.
local function settle()
  for _ = 1, 4 do weft.yield() end
end

-- The line of a task by its name, without its number.
local function line_of(name)
  local escaped = name:gsub("%p", "%%%0")
  for line in weft.tree():gmatch "[^\n]+" do
    local rest = line:match("^ *" .. escaped .. " #%d+: (.*)$")
    if rest then return rest end
  end
  error("no line for " .. name .. " in\n" .. weft.tree(), 2)
end

-- The line of a task that is parked in `fn`.
local function line_in(fn)
  local task = weft.spawn("parked", fn)
  settle()
  local line = line_of "parked"
  task:cancel()
  settle()
  return line
end

describe("weft.tree", function()
  it("is empty without a runtime", function()
    assert.equal("", weft.tree())
  end)

  it("has a line for every unfinished task: name, id and state [29.4]",
    virtual(function()
      local a = weft.spawn("a", weft.sleep_forever)
      local b = weft.spawn(weft.sleep_forever)
      local done = weft.spawn("done", function() end)
      assert.equal(("main #%d: running\na #%d: ready\n%s #%d: ready\n"
        .. "done #%d: ready"):format(weft.current_task():id(), a:id(),
          b:name(), b:id(), done:id()), weft.tree())
      settle()
      assert.is_nil(weft.tree():find("done", 1, true))
      a:cancel()
      b:cancel()
      settle()
    end))

  it("shows tasks under their group, and that under who opened it [29.4]",
    virtual(function()
      weft.group(function(g)
        g:spawn("child", function()
          weft.group(function(h) h:spawn("grandchild", weft.sleep, 1) end)
        end)
        g:spawn("second", weft.sleep, 1)
        weft.spawn("background", weft.sleep, 1)
        settle()
        local text = weft.tree():gsub(" #%d+", "")
        assert.equal(table.concat({
          "main: running",
          "  group",
          "    child: waits for group",
          "      group",
          "        grandchild: waits for sleep, 1 s left",
          "    second: waits for sleep, 1 s left",
          "background: waits for sleep, 1 s left",
        }, "\n"), text)
      end)
      weft.sleep(1)
    end))

  it("keeps two groups of one task apart [29.4]", virtual(function()
    weft.group(function(g)
      g:spawn("outer", weft.sleep, 1)
      weft.group(function(h)
        h:spawn("inner", weft.sleep, 1)
        local _, count = weft.tree():gsub("group", "")
        assert.equal(2, count)
      end)
    end)
  end))

  it("says how long a sleep has left [29.4]", virtual(function()
    local task = weft.spawn("sleeper", weft.sleep, 2.5)
    weft.sleep(1)
    assert.equal("waits for sleep, 1.5 s left", line_of "sleeper")
    task:await()
  end))

  it("names the task that is awaited [29.4]", virtual(function()
    local main = weft.current_task()
    assert.equal("waits for task main #" .. main:id(),
      line_in(function() main:await() end))
  end))

  it("names the task that has the lock which is waited for [29.4]",
    virtual(function()
      local main, lock = weft.current_task(), weft.lock()
      lock:acquire()
      assert.equal("waits for lock of main #" .. main:id(),
        line_in(function() lock:acquire() end))
      lock:release()
    end))

  local waits = {
    barrier = function() weft.barrier(2):wait() end,
    condition = function()
      local condition = weft.condition()
      condition:acquire()
      condition:wait()
    end,
    ["channel (to send)"] = function() weft.channel():send(1) end,
    ["channel (to receive)"] = function()
      local sender, receiver = weft.channel()
      receiver:receive()
      sender:close()
    end,
    limiter = function() weft.limiter(0):acquire() end,
    event = function() weft.event():wait() end,
    semaphore = function() weft.semaphore(0):acquire() end,
    ["queue (to get)"] = function() weft.queue():get() end,
    ["queue (to put)"] = function()
      local queue = weft.queue(1)
      queue:put(1)
      queue:put(2)
    end,
    ["queue (to be done)"] = function()
      local queue = weft.queue()
      queue:put(1)
      queue:join()
    end,
    future = function() weft.future():await() end,
    sleep = weft.sleep_forever,
    group = function()
      weft.group(function(g) g:spawn(weft.sleep_forever) end)
    end,
    ["start of a task"] = function()
      weft.group(function(g) g:start(weft.sleep_forever) end)
    end,
    ["place in a group"] = function()
      weft.group(function(g)
        g:spawn(weft.sleep_forever)
        g:spawn(weft.sleep_forever)
      end, { limit = 1 })
    end,
  }
  for what, fn in pairs(waits) do
    it("says what a task waits for: " .. what .. " [29.4]",
      virtual(function()
        assert.equal("waits for " .. what, line_in(fn))
      end))
  end

  it("shows who awaits a future that was forgotten [5.4]",
    virtual(function()
      assert.equal("waits for future",
        line_in(function() weft.future():await() end))
    end))

  it("shows the deadline of a group, and that one is cancelled [29.4]",
    virtual(function()
      weft.group(function(g)
        g:spawn("child", function()
          weft.finally(weft.sleep_forever, function() weft.sleep(9) end)
        end)
        weft.sleep(1)
        assert.is_truthy(weft.tree():find("\n  group, 4 s left\n", 1, true))
        g:cancel()
        assert.is_truthy(weft.tree():find("\n  group, cancelled\n", 1, true))
      end, { timeout = 5 })
    end))

  it("shows that a task is cancelled [29.4]", virtual(function()
    local task = weft.spawn("cancelled one", weft.sleep_forever)
    task:cancel()
    assert.equal("ready, cancelled", line_of "cancelled one")
    settle()
  end))

  it("may be asked by a callback, outside any task", virtual(function()
    local text
    weft.call_soon(function() text = weft.tree() end)
    weft.yield()
    assert.is_truthy(text:find("^main #%d+: ready$"), text)
  end))

  it("shows hundreds of tasks nested in each other", virtual(function()
    local depth, count = 500, nil
    local function nest(n)
      if n == 0 then
        count = select(2, weft.tree():gsub("\n", "\n"))
        return
      end
      weft.group(function(g) g:spawn(nest, n - 1) end)
    end
    nest(depth)
    assert.equal(2 * depth, count)
  end))
end)
