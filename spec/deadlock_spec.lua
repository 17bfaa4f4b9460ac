-- The deadlock hint: tasks that wait for each other, and waits that nothing
-- ends.
local weft = require "weft"
local report = require "weft.report"
local run = require "weft.run"
local testing = require "weft.testing"

-- Runs `fn` with the hint on, and returns the reports of deadlocks. Each
-- cancels the run's main task, or goes to `opts.at_report`.
local function reports_of(fn, opts)
  local reports, main = {}, nil
  opts = opts or {}
  weft.debug { deadlock = true, report = function(kind, task, err, text)
    assert.equal(report.DEADLOCK, kind)
    reports[#reports + 1] = { task = task, err = err, tree = text }
    if opts.at_report then opts.at_report(main)
    else main:cancel "deadlock" end
  end }
  local ok, err = pcall(run.run_with, { virtual = opts.virtual ~= false },
    function()
      main = weft.current_task()
      fn()
    end)
  weft.debug { deadlock = false, report = false }
  return reports, ok, err
end

-- Each makes its own run.
local function alone(name, fn) it(name, testing.plain(fn)) end

describe("the deadlock hint", function()
  for _, virtual in ipairs { true, false } do
    alone("tells at once that nothing can wake a task, with the tree, on the "
      .. (virtual and "virtual" or "real") .. " clock [29.6]", function()
      local reports, ok, err = reports_of(function()
        weft.event():wait()
      end, { virtual = virtual })
      assert.equal(1, #reports)
      assert.is_nil(reports[1].task)
      assert.is_true(reports[1].err:is "DeadlockError")
      assert.is_truthy(reports[1].tree:find(
        "^main #1: waits for event at spec/deadlock_spec.lua:%d+$"),
        reports[1].tree)
      assert.is_false(ok)
      assert.is_true(err:is "TaskCancelledError")
    end)
  end

  alone("does not take a kept connection for something to wait for", function()
    local server = assert(io.popen((os.getenv "WEFT" or "build/weft") .. [[ -e '
      local weft = require "weft"
      local listener = weft.net.listen { host = "127.0.0.1", port = 0 }
      print(listener:port())
      io.stdout:flush()
      local stream = listener:accept()
      while stream:read() do
        stream:write "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
      end' ]]))
    local url = "http://127.0.0.1:" .. server:read "*n"
    local reports, _, err = reports_of(function()
      local session = require("weft.http").session()
      session:get(url)
      session:get(url)
      weft.finally(function() weft.event():wait() end, function()
        session:close()
      end)
    end, { virtual = false })
    server:close()
    assert.equal(1, #reports, tostring(err))
  end)

  local stuck = {
    ["a queue"] = function() weft.queue():get() end,
    ["a channel"] = function()
      local sender, receiver = weft.channel()
      pcall(receiver.receive, receiver)
      sender:close()
      receiver:close()
    end,
    ["a future"] = function() weft.future():await() end,
    ["a semaphore"] = function() weft.semaphore(0):acquire() end,
    ["a limiter"] = function() weft.limiter(0):acquire() end,
    ["a barrier"] = function() weft.barrier(2):wait() end,
    ["for ever"] = weft.sleep_forever,
    ["a group whose child waits"] = function()
      weft.group(function(g) g:spawn(weft.sleep_forever) end)
    end,
    ["the start of a task"] = function()
      weft.group(function(g) g:start(weft.sleep_forever) end)
    end,
    ["a place in a group"] = function()
      weft.group(function(g)
        for _ = 1, 2 do g:spawn(weft.sleep_forever) end
      end, { limit = 1 })
    end,
  }
  for what, fn in pairs(stuck) do
    alone("tells of main that waits in vain: " .. what .. " [29.6]", function()
      local reports = reports_of(fn)
      assert.equal(1, #reports)
    end)
  end

  alone("names the tasks of a circle, while others go on [29.6]", function()
    local reports = reports_of(function()
      local a, b = weft.lock(), weft.lock()
      local function cross(first, second)
        first:with(function()
          weft.sleep(1)
          second:with(function() end)
        end)
      end
      weft.group(function(g)
        g:spawn("left", cross, a, b)
        g:spawn("right", cross, b, a)
        g:spawn("other", function()
          for _ = 1, 9 do weft.sleep(1) end
        end)
      end)
    end)
    assert.equal(1, #reports)
    assert.equal("2 tasks wait for each other in a circle: left #2 waits for "
      .. "lock of right #3; right #3 waits for lock of left #2",
      reports[1].err.message)
    assert.equal("left", reports[1].task)
    assert.is_truthy(reports[1].tree:find("other #4: waits for sleep", 1, true))
  end)

  alone("tells of a child that awaits who waits for it [29.6]", function()
    local reports = reports_of(function()
      local main = weft.current_task()
      weft.group(function(g)
        g:spawn("child", function() main:await() end)
      end)
    end)
    assert.equal("2 tasks wait for each other in a circle: main #1 waits for "
      .. "group; child #2 waits for task main #1", reports[1].err.message)
  end)

  alone("is told again only when a task has run since [29.6]", function()
    local events, rounds = {}, 0
    local reports = reports_of(function()
      for i = 1, 3 do
        events[i] = weft.event()
        events[i]:wait()
        rounds = rounds + 1
      end
    end, { at_report = function() events[#events]:set() end })
    assert.equal(3, rounds)
    assert.equal(3, #reports)
  end)

  alone("is silent where a time, I/O or a process ends the wait [29.6]",
    function()
      local reports, ok, err = reports_of(function()
        weft.move_on_after(0.001, weft.sleep_forever)
        weft.process.run { "true" }
        local listener = weft.net.listen { host = "127.0.0.1", port = 0 }
        local port = tonumber(listener:address():match ":(%d+)$")
        weft.group(function(g)
          g:spawn(function() listener:accept():close() end)
          weft.net.connect { host = "127.0.0.1", port = port }:close()
        end)
        listener:close()
        assert.equal(1, weft.to_thread(function() return 1 end))
        weft.fs.stat "/"
        weft.dns.lookup "127.0.0.1"
      end, { virtual = false })
      assert.is_true(ok, tostring(err))
      assert.same({}, reports)
    end)

  alone("is silent of a circle that a deadline ends [29.6]", function()
    local reports, ok = reports_of(function()
      local main = weft.current_task()
      weft.group(function(g)
        g:spawn(weft.move_on_after, 5, function() main:await() end)
      end)
    end)
    assert.is_true(ok)
    assert.same({}, reports)
  end)

  alone("is silent unless it is asked for [29.6]", function()
    local main
    weft.debug { report = function() error "nobody is to be told" end }
    local ok, err = pcall(run.run_with, { virtual = true }, function()
      main = weft.current_task()
      weft.spawn(function()
        weft.sleep(1)
        main:cancel "over"
      end)
      weft.event():wait()
    end)
    weft.debug { report = false }
    assert.is_false(ok)
    assert.equal("over", err.reason)
  end)
end)
