-- weft.tree(): the tasks as text, with what each waits for.
local weft = require "weft"
local testing = require "weft.testing"

testing.options { virtual = true }

before_each(function() weft.debug { sites = false } end)

local settle = require("spec.helper").settle

-- The line of a task by its name, without its number.
local function whole_line_of(name)
  local escaped = name:gsub("%p", "%%%0")
  for line in weft.tree():gmatch "[^\n]+" do
    local rest = line:match("^ *" .. escaped .. " #%d+: (.*)$")
    if rest then return rest end
  end
  error("no line for " .. name .. " in\n" .. weft.tree(), 2)
end

-- Without places, which are tested apart.
local function without_places(text)
  return (text:gsub(",? at %S+_spec%.lua:%d+", ""))
end

local function line_of(name) return without_places(whole_line_of(name)) end

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
  it("is empty without a runtime", testing.plain(function()
    assert.equal("", weft.tree())
  end))

  it("has a line for every unfinished task: name, id and state [29.4]",
    function()
      local a = weft.spawn("a", weft.sleep_forever)
      local b = weft.spawn(weft.sleep_forever)
      local done = weft.spawn("done", function() end)
      assert.equal(("main #%d: running\na #%d: ready\n%s #%d: ready\n"
        .. "done #%d: ready"):format(weft.current_task():id(), a:id(),
          b:name(), b:id(), done:id()), without_places(weft.tree()))
      settle()
      assert.is_nil(weft.tree():find("done", 1, true))
      a:cancel()
      b:cancel()
      settle()
    end)

  it("shows tasks under their group, and that under who opened it [29.4]",
    function()
      weft.group(function(g)
        g:spawn("child", function()
          weft.group(function(h) h:spawn("grandchild", weft.sleep, 1) end)
        end)
        g:spawn("second", weft.sleep, 1)
        weft.spawn("background", weft.sleep, 1)
        settle()
        local text = without_places(weft.tree()):gsub(" #%d+", "")
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
    end)

  it("keeps two groups of one task apart [29.4]", function()
    weft.group(function(g)
      g:spawn("outer", weft.sleep, 1)
      weft.group(function(h)
        h:spawn("inner", weft.sleep, 1)
        local _, count = weft.tree():gsub("group", "")
        assert.equal(2, count)
      end)
    end)
  end)

  it("says how long a sleep has left [29.4]", function()
    local task = weft.spawn("sleeper", weft.sleep, 2.5)
    weft.sleep(1)
    assert.equal("waits for sleep for 1 s, 1.5 s left", line_of "sleeper")
    task:await()
  end)

  it("says how long a task waits [29.4]", function()
    local long = weft.spawn("long", weft.sleep_forever)
    weft.sleep(7 * 3600)
    local task = weft.spawn("short", weft.sleep_forever)
    weft.sleep(62.5)
    assert.equal("waits for sleep for 7 h 1 min", line_of "long")
    assert.equal("waits for sleep for 1 min 3 s", line_of "short")
    long:cancel()
    task:cancel()
    settle()
  end)

  it("names the task that is awaited [29.4]", function()
    local main = weft.current_task()
    assert.equal("waits for task main #" .. main:id(),
      line_in(function() main:await() end))
  end)

  it("names those who await a task while they do [29.5]", function()
    local task = weft.spawn("awaited", weft.sleep, 10)
    local a = weft.spawn("a", function() task:await() end)
    local b = weft.spawn("b", function() task:await() end)
    settle()
    assert.equal(("waits for sleep, 10 s left, awaited by a #%d, b #%d")
      :format(a:id(), b:id()), line_of "awaited")
    a:cancel()
    settle()
    assert.equal(("waits for sleep, 10 s left, awaited by b #%d")
      :format(b:id()), line_of "awaited")
    weft.move_on_after(1, function() task:await() end)
    b:cancel()
    settle()
    assert.equal("waits for sleep for 1 s, 9 s left", line_of "awaited")
    task:cancel()
    settle()
  end)

  it("keeps alive nobody who awaited a task [29.5]", function()
    local task = weft.spawn("awaited", weft.sleep_forever)
    local gone = setmetatable({}, { __mode = "v" })
    gone[1] = weft.spawn(function() task:await() end)
    settle()
    gone[1]:cancel()
    settle()
    assert.is_truthy(weft.tree())
    collectgarbage()
    collectgarbage()
    assert.is_nil(gone[1])
    task:cancel()
    settle()
  end)

  it("names the task that has the lock which is waited for [29.4]", function()
    local main, lock = weft.current_task(), weft.lock()
    lock:acquire()
    assert.equal("waits for lock of main #" .. main:id(),
      line_in(function() lock:acquire() end))
    lock:release()
  end)

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
    it("says what a task waits for: " .. what .. " [29.4]", function()
      assert.equal("waits for " .. what,
        (line_in(fn):gsub("start of a task .*", "start of a task")))
    end)
  end

  it("shows who awaits a future that was forgotten [5.4]", function()
    assert.equal("waits for future",
      line_in(function() weft.future():await() end))
  end)

  it("shows the deadline of a group, and that one is cancelled [29.4]",
    function()
      weft.group(function(g)
        g:spawn("child", function()
          weft.finally(weft.sleep_forever, function() weft.sleep(9) end)
        end)
        weft.sleep(1)
        assert.is_truthy(weft.tree():find("\n  group, deadline in 4 s\n", 1,
          true))
        g:cancel()
        assert.is_truthy(weft.tree():find("\n  group, cancelled\n", 1, true))
      end, { timeout = 5 })
    end)

  it("shows the earliest deadline that reaches a task [29.4]", function()
    weft.group(function(g)
      g:spawn("outer", weft.sleep_forever)
      g:spawn("inner", weft.timeout, 2, weft.sleep_forever)
      g:spawn("longer", weft.move_on_after, 50, weft.sleep_forever)
      weft.sleep(1)
      assert.equal("waits for sleep for 1 s, deadline in 4 s",
        line_of "outer")
      assert.equal("waits for sleep for 1 s, deadline in 1 s",
        line_of "inner")
      assert.equal("waits for sleep for 1 s, deadline in 4 s",
        line_of "longer")
      g:cancel()
    end, { timeout = 5 })
  end)

  it("shows that a task is shielded, and sees no deadline outside [29.4]",
    function()
      weft.group(function(g)
        g:spawn("cleanup", weft.shield, function() weft.sleep(3) end)
        weft.sleep(1)
        assert.equal("waits for sleep for 1 s, 2 s left, shielded",
          line_of "cleanup")
        g:cancel()
      end, { timeout = 9 })
    end)

  it("shows a cancellation that a shield holds back [29.4]", function()
    local task = weft.spawn("cleanup", weft.shield,
      function() weft.sleep(3) end)
    weft.sleep(1)
    task:cancel "no more need"
    assert.equal("waits for sleep for 1 s, 2 s left, shielded, "
      .. "cancelled: no more need", line_of "cleanup")
    weft.sleep(3)
  end)

  it("shows that a task is cancelled [29.4]", function()
    local task = weft.spawn("cancelled one", weft.sleep_forever)
    task:cancel()
    assert.equal("ready, cancelled", line_of "cancelled one")
    settle()
  end)

  it("shows by what a task is cancelled, and why [29.4]", function()
    local lines = {}
    local function look(name)
      weft.shield(settle)
      lines[name] = line_of(name)
    end
    local function body(name)
      pcall(weft.sleep_forever)
      look(name)
    end
    local task = weft.spawn("by call", body, "by call")
    weft.yield()
    task:cancel "no more need"
    settle()
    pcall(weft.group, function(g)
      g:spawn("by group", body, "by group")
      weft.yield()
      error "the group fails"
    end)
    weft.move_on_after(1, function() body "main" end)
    settle()
    assert.equal("running, cancelled: no more need", lines["by call"])
    assert.equal("running, cancelled by group", lines["by group"])
    assert.equal("running, cancelled by deadline", lines.main)
  end)

  it("may be asked by a callback, outside any task", function()
    local text
    weft.call_soon(function() text = weft.tree() end)
    weft.yield()
    assert.is_truthy(text:find("^main #%d+: ready at %S+:%d+$"), text)
  end)

  it("shows hundreds of tasks nested in each other", function()
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
  end)

  it("says where in the user's code a task is [29.4]", function()
    local lock = weft.lock()
    lock:acquire()
    local at
    local function wait()
      at = debug.getinfo(1, "l").currentline + 1
      lock:acquire()
      lock:release()
    end
    local task = weft.spawn("waiting", wait)
    settle()
    local main = weft.current_task():id()
    assert.equal(("waits for lock of main #%d at spec/tree_spec.lua:%d"):format(
      main, at), whole_line_of "waiting")
    lock:release()
    task:await()
  end)

  it("finds the place in the innermost of a task's coroutines [29.4]",
    function()
      local at
      local task = weft.spawn("nested", function()
        coroutine.wrap(function()
          at = debug.getinfo(1, "l").currentline + 1
          weft.sleep(2)
          return true
        end)()
        coroutine.wrap(weft.sleep)(1) -- no frame of its own is the user's
        return true
      end)
      weft.sleep(1)
      assert.equal("waits for sleep for 1 s, 1 s left, at spec/tree_spec.lua:"
        .. at, whole_line_of "nested")
      weft.sleep(1.5)
      assert.equal("waits for sleep for 0.5 s, 0.5 s left, at "
        .. "spec/tree_spec.lua:" .. at + 3, whole_line_of "nested")
      task:await()
    end)

  describe("of what is outside", function()
    testing.options { virtual = false }

    local function line_outside(fn)
      local task = weft.spawn("parked", fn)
      local text
      weft.shield(function()
        repeat
          weft.sleep(0.001)
          text = line_of "parked"
        until text:find "^waits"
      end)
      task:cancel()
      pcall(task.await, task)
      return (text:gsub(" for [%d.]+ s$", ""))
    end

    it("shows a listener's address and descriptor [29.4]", function()
      local listener = weft.net.listen { host = "127.0.0.1", port = 0 }
      local line = line_outside(function() listener:accept() end)
      local address = listener:address()
      assert.is_truthy(line:find("^waits for accept on "
        .. address:gsub("%p", "%%%0") .. " %(descriptor %d+%)$"), line)
      listener:close()
    end)

    it("shows a stream's peer and descriptor [29.4]", function()
      local listener = weft.net.listen { host = "127.0.0.1", port = 0 }
      local address = listener:address()
      local port = tonumber(address:match ":(%d+)$")
      local stream = weft.net.connect { host = "127.0.0.1", port = port }
      local line = line_outside(function() stream:read() end)
      assert.is_truthy(line:find("^waits for read on "
        .. address:gsub("%p", "%%%0") .. " %(descriptor %d+%)$"), line)
      stream:close()
      listener:close()
    end)

    it("shows a process by name and number [29.4]", function()
      local process = weft.process.spawn { "sleep", "60" }
      local line = line_outside(function() process:wait() end)
      assert.equal(("waits for process sleep (pid %d)"):format(process:pid()),
        line)
      process:kill "KILL"
      process:wait()
      process:close()
    end)

    it("shows a file's path [29.4]", function()
      local directory = weft.fs.mkdtemp()
      local watch = weft.fs.watch(directory)
      assert.equal("waits for change in " .. directory,
        line_outside(function() watch:next() end))
      watch:close()
      weft.fs.remove(directory)
    end)
  end)

  describe("with places kept", function()
    before_each(function() weft.debug { sites = true } end)

    it("shows where a task was spawned, and by which [29.3, 29.4]", function()
      local at = debug.getinfo(1, "l").currentline + 1
      local task = weft.spawn("child", weft.sleep_forever)
      assert.same({ "spec/tree_spec.lua:" .. at, "main" },
        { task:spawned_at() })
      assert.equal(("ready, spawned at spec/tree_spec.lua:%d by main")
        :format(at), whole_line_of "child")
      task:cancel()
      settle()
    end)

    it("shows where a group was opened, and whose deadline holds [29.3, 29.4]",
      function()
        local at = debug.getinfo(1, "l").currentline + 1
        weft.group(function(g)
          g:spawn("child", weft.sleep_forever)
          local text = weft.tree()
          local place = "spec/tree_spec.lua:" .. at
          assert.is_truthy(text:find("\n  group at " .. place
            .. ", deadline in 5 s\n", 1, true), text)
          assert.is_truthy(text:find("ready, deadline of " .. place
            .. " in 5 s, spawned", 1, true), text)
          g:cancel()
        end, { timeout = 5 })
      end)

    it("keeps none once it is off, nor of what has ended [29.3]", function()
      local task = weft.spawn("child", function()
        weft.timeout(3, function() weft.sleep(1) end)
      end)
      weft.group(function(g) g:spawn(weft.yield) end)
      task:await()
      weft.debug { sites = false }
      local other = weft.spawn("other", function() end)
      assert.is_nil(other:spawned_at())
      assert.is_nil(whole_line_of "other":find("spawned", 1, true))
      other:await()
    end)
  end)

  it("gives tasks as tables, in the order of their spawning [29.4]", function()
    local tree = require "weft.tree"
    local main = weft.current_task()
    local task = weft.spawn("waiting", function()
      weft.timeout(9, function() main:await() end)
    end)
    weft.sleep(2)
    local list = tree.tasks()
    assert.equal(2, #list)
    assert.equal("running", list[1].state)
    assert.equal(list[2], list[1].awaited_by[1])
    local found = list[2]
    assert.equal(task, found.task)
    assert.same({ "waiting", task:id(), "parked", "task",
      "task main #" .. main:id(), false },
      { found.name, found.id, found.state, found.what, found.waits_for,
        found.shielded })
    assert.is_near(2, found.waited, 0.002)
    assert.equal(7, found.deadline_left)
    task:cancel()
    settle()
  end)

  it("has one line for a task whatever its name and reason are [29.4]",
    function()
      local task = weft.spawn("two\nlines \27[31m", weft.sleep_forever)
      settle()
      task:cancel(setmetatable({}, { __tostring = error }))
      assert.equal("ready, cancelled: a table whose tostring fails",
        line_of "two\\nlines \\027[31m")
      settle()
    end)

  it("describes one task in a line, nil when it has ended", function()
    local tree = require "weft.tree"
    local task = weft.spawn("one", weft.sleep, 2)
    weft.sleep(1)
    assert.equal(("one #%d: waits for sleep for 1 s, 1 s left"):format(
      task:id()), tree.describe(task))
    assert.equal(tree.describe(task), tree.describe(task[0]))
    task:await()
    assert.is_nil(tree.describe(task))
  end)
end)
