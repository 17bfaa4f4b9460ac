-- Accepting and serving.
local weft = require "weft"
local net = require "weft.net"
local report = require "weft.report"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local run, virtual = helper.run, helper.virtual
local listen, connect = loopback.listen, loopback.connect
local port_of, close_all = loopback.port_of, loopback.close_all
local descriptors = loopback.descriptors
local limit_descriptors = loopback.limit_descriptors
local settle, parked = loopback.settle, loopback.parked
local assert_fails = loopback.assert_fails
local assert_cancelled = loopback.assert_cancelled

-- -- Accepting ---------------------------------------------------------------

describe("listener:accept", function()
  it("takes a connection that is there [26.2]", run(function()
    local listener = listen()
    local stream = connect(listener)
    local peer = listener:accept()
    peer:write "hello"
    assert.equal("hello", stream:read())
    close_all { stream, peer, listener }
  end))

  it("parks until one comes [26.2]", run(function()
    local listener = listen()
    local task = parked(listener.accept, listener)
    local stream = connect(listener)
    local peer = task:await()
    assert.equal(stream:local_address(), peer:peer())
    close_all { stream, peer, listener }
  end))

  it("leaves the connection there when it is cancelled [26.2]", run(function()
    local listener = listen()
    local task = parked(listener.accept, listener)
    assert_cancelled(task)
    local stream = connect(listener)
    weft.scope(function(scope)
      scope:cancel()
      assert_fails("CancelledError", listener.accept, listener)
    end)
    local peer = listener:accept()
    assert.equal(stream:local_address(), peer:peer())
    close_all { stream, peer, listener }
  end))

  it("is cut off by a timeout [26.2]", virtual(function()
    local listener = listen()
    assert_fails("TimeoutError", weft.timeout, 1, function()
      listener:accept()
    end)
    local stream = connect(listener)
    close_all { stream, listener:accept(), listener }
  end))

  it("gets ClosedError when the listener is closed [26.5]", run(function()
    local listener = listen()
    local task = parked(listener.accept, listener)
    listener:close()
    listener:close()
    assert_fails("ClosedError", task.await, task)
    assert_fails("ClosedError", listener.accept, listener)
    assert_fails("ClosedError", listener.address, listener)
    assert_fails("ClosedError", listener.port, listener)
    weft.scope(function(scope)
      scope:cancel()
      assert_fails("CancelledError", listener.accept, listener)
    end)
  end))

  it("delivers a connection it has, cancelled or not [26.2]", run(function()
    local listener = listen()
    local acceptor = parked(listener.accept, listener)
    local connector = weft.spawn(connect, listener)
    weft.yield() -- it connects
    loopback.await_connection(listener)
    weft.yield() -- the poll has woken the acceptor, which is behind this task
    assert.is_true(acceptor:cancel())
    local peer, stream = acceptor:await(), connector:await()
    assert.equal(stream:local_address(), peer:peer())
    close_all { stream, peer, listener }
  end))

  it("refuses a second one, the first goes on [26.5]", run(function()
    local listener = listen()
    local task = parked(listener.accept, listener)
    assert_fails("BusyError", listener.accept, listener)
    assert_fails("BusyError", listener.serve, listener, function() end)
    local stream = connect(listener)
    close_all { stream, task:await(), listener }
  end))

  it("reports that no descriptor is left, and tries again #emfile [26.2]",
    virtual(function()
      local listener = listen()
      local stream = connect(listener)
      settle()
      local _, highest = descriptors()
      local before = limit_descriptors(highest + 1)
      -- Those below the highest that are free are taken first.
      local fillers = {}
      while true do
        local file = io.open "/dev/null"
        if not file then break end
        fillers[#fillers + 1] = file
      end
      local task = weft.spawn(listener.accept, listener)
      settle()
      local waits = not task:done()
      limit_descriptors(before)
      for _, file in ipairs(fillers) do file:close() end
      assert.is_true(waits)
      local reports = helper.take_reports()
      assert.equal(1, #reports)
      assert.equal(report.SYSTEM, reports[1].kind)
      assert.equal("EMFILE", reports[1].err.code)
      local began = weft.now()
      local peer = task:await()
      assert.equal(1, math.floor(weft.now() - began + 0.5))
      assert.equal(stream:local_address(), peer:peer())
      close_all { stream, peer, listener }
    end))
end)

describe("a listener", function()
  it("is closed and reported when it is collected [25.12]", run(function()
    local listener = listen()
    local port, address = port_of(listener), listener:address()
    listener = nil
    collectgarbage()
    collectgarbage()
    settle()
    assert.is_nil(listener)
    local reports = helper.take_reports()
    assert.equal(1, #reports)
    assert.equal(report.UNCLOSED, reports[1].kind)
    assert.is_truthy(reports[1].err.message:find(address, 1, true))
    assert_fails("OSError", net.connect, { host = "127.0.0.1", port = port })
  end))
end)

-- -- Serving -----------------------------------------------------------------

-- Echoes lines until the peer ends.
local function echo(stream)
  for line in stream:lines() do stream:write(line, "\n") end
end

-- A line there and back.
local function assert_served(stream, line)
  stream:write(line, "\n")
  assert.equal(line, stream:read_line())
end

describe("listener:serve", function()
  it("runs a handler for each connection, all at once [26.3]", run(function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo)
    local first, second = connect(listener), connect(listener)
    assert_served(second, "second")
    assert_served(first, "first")
    assert_served(second, "second again")
    close_all { first, second, listener }
    server:await()
  end))

  it("closes a connection at its handler's end, flushed [26.3]", run(function()
    local much = ("x"):rep(16 * 1024 * 1024)
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, function(stream)
      stream:write(much)
    end)
    local stream = connect(listener)
    assert.equal(#much, #stream:read_all())
    close_all { stream, listener }
    server:await()
  end))

  it("accepts no more than its limit at once [26.3]", run(function()
    local listener = listen()
    local running, most = 0, 0
    local server = weft.spawn(listener.serve, listener, function(stream)
      running = running + 1
      most = math.max(most, running)
      echo(stream)
      running = running - 1
    end, { limit = 2 })
    local first, second = connect(listener), connect(listener)
    local third = connect(listener) -- the system's backlog takes it
    assert_served(first, "1")
    assert_served(second, "2")
    third:write "3\n"
    settle()
    assert.equal(2, running)
    -- Nobody has accepted it: its peer can still be had.
    first:close()
    assert.equal("3", third:read_line())
    assert.equal(2, most)
    close_all { second, third, listener }
    server:await()
  end))

  it("leaves in the backlog what is above its limit [26.3]", run(function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo, { limit = 1 })
    local first, second = connect(listener), connect(listener)
    assert_served(first, "1")
    settle()
    assert_cancelled(server)
    local peer = listener:accept()
    assert.equal(second:local_address(), peer:peer())
    close_all { first, second, peer, listener }
  end))

  it("reports a handler's failure and goes on [26.4]", run(function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, function(stream)
      local line = stream:read_line()
      if line == "fail" then error "no good" end
      stream:write(line, "\n")
    end)
    local good, bad = connect(listener), connect(listener)
    bad:write "fail\n"
    assert.is_nil(bad:read())
    assert_served(good, "good")
    local reports = helper.take_reports()
    assert.equal(1, #reports)
    assert.equal(report.FAILURE, reports[1].kind)
    assert.is_truthy(reports[1].err.message:find("no good", 1, true))
    assert.is_truthy(reports[1].err.traceback:find("listener_spec", 1, true))
    close_all { good, bad, listener }
    server:await()
  end))

  it("sends nothing more after a handler's failure [26.4]", run(function()
    local much = ("x"):rep(16 * 1024 * 1024)
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, function(stream)
      stream:write(much)
      error()
    end)
    local stream = connect(listener)
    settle()
    local ok, bytes = pcall(stream.read_all, stream)
    assert.is_true(not ok or #bytes < #much)
    assert.equal(1, #helper.take_reports())
    close_all { stream, listener }
    server:await()
  end))

  it("reports a peer's reset as the handler's failure [26.4]", run(function()
    local listener, accepted = listen(), nil
    local server = weft.spawn(listener.serve, listener, function(stream)
      accepted = stream
      echo(stream)
    end)
    local stream = connect(listener)
    assert_served(stream, "hello")
    loopback.reset(accepted, stream)
    listener:close()
    server:await()
    local reports = helper.take_reports()
    assert.equal(1, #reports)
    assert.equal("ECONNRESET", reports[1].err.code)
  end))

  it("waits for its handlers once it is closed [26.4]", run(function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo)
    local stream = connect(listener)
    assert_served(stream, "before")
    listener:close()
    settle()
    assert.is_false(server:done())
    assert_served(stream, "after")
    stream:close()
    server:await()
  end))

  it("ends when it is closed while it is full [26.4]", run(function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo, { limit = 1 })
    local stream = connect(listener)
    assert_served(stream, "before")
    listener:close()
    stream:close()
    server:await()
  end))

  it("cancels and joins its handlers when cancelled [26.4]", run(function()
    local listener = listen()
    local cleaned_up = false
    local server = weft.spawn(listener.serve, listener, function(stream)
      local _, err = pcall(stream.read, stream)
      cleaned_up = err:is "CancelledError"
      error(err, 0)
    end)
    local stream = connect(listener)
    settle()
    assert_cancelled(server)
    assert.is_true(cleaned_up)
    assert.is_nil(stream:read())
    close_all { stream, listener }
  end))

  it("is cut off by a timeout, and may serve again [26.4]", virtual(function()
    local listener = listen()
    assert_fails("TimeoutError", weft.timeout, 1, function()
      listener:serve(echo)
    end)
    local server = weft.spawn(listener.serve, listener, echo)
    local stream = connect(listener)
    assert_served(stream, "hello")
    close_all { stream, listener }
    server:await()
  end))

  it("gives a handler's end 5 s to flush [26.3]", virtual(function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, function(stream)
      stream:write(("x"):rep(16 * 1024 * 1024))
    end)
    local stream = connect(listener)
    settle()
    listener:close()
    local began = weft.now()
    server:await()
    assert.equal(5, weft.now() - began)
    stream:close()
  end))

  it("refuses a second serve or accept [26.5]", run(function()
    local listener = listen()
    local server = parked(listener.serve, listener, echo, { limit = 1 })
    assert_fails("BusyError", listener.serve, listener, echo)
    assert_fails("BusyError", listener.accept, listener)
    local stream = connect(listener)
    assert_served(stream, "hello") -- now serve waits for a place
    assert_fails("BusyError", listener.serve, listener, echo)
    assert_fails("BusyError", listener.accept, listener)
    close_all { stream, listener }
    server:await()
  end))

  it("refuses a closed listener [26.5]", run(function()
    local listener = listen()
    listener:close()
    assert_fails("ClosedError", listener.serve, listener, echo)
    weft.scope(function(scope)
      scope:cancel()
      assert_fails("CancelledError", listener.serve, listener, echo)
    end)
  end))

  it("refuses what is no handler or limit [26.3]", run(function()
    local listener = listen()
    assert_fails("ArgumentError", listener.serve, listener)
    for _, limit in ipairs { 0, -1, 1.5, 0 / 0, "2" } do
      assert_fails("ArgumentError", listener.serve, listener, echo,
        { limit = limit })
    end
    listener:close()
  end))

  it("serves 1,000 connections and leaves no descriptor [26.3]", run(function()
    loopback.with_pair(settle) -- libuv opens one for itself the first time
    local before = descriptors()
    local limit = limit_descriptors(3000)
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo)
    weft.group(function(g)
      local connected, all_there = 0, weft.spawn(weft.sleep_forever)
      for i = 1, 1000 do
        g:spawn(function()
          local stream = connect(listener)
          connected = connected + 1
          if connected == 1000 then all_there:cancel() end
          pcall(all_there.await, all_there)
          assert_served(stream, "line " .. i)
          stream:close()
        end)
      end
    end)
    listener:close()
    server:await()
    settle()
    limit_descriptors(limit)
    assert.equal(before, (descriptors()))
  end))
end)

describe("a runtime", function()
  it("leaves no descriptor of what was left open [25.12]", function()
    weft.run(function() end) -- what is made once for the process
    local before = descriptors()
    weft.run(function()
      local listener = listen()
      local stream = connect(listener)
      local peer = listener:accept()
      connect(listener)
      weft.spawn(stream.read, stream)
      peer:write(("x"):rep(16 * 1024 * 1024))
      weft.spawn(listener.accept, listener)
      settle()
    end)
    assert.equal(before, (descriptors()))
  end)
end)
