-- Accepting.
local weft = require "weft"
local net = require "weft.net"
local report = require "weft.report"
local testing = require "weft.testing"
local loopback = require "spec.loopback"

local listen, connect = loopback.listen, loopback.connect
local port_of, close_all = loopback.port_of, loopback.close_all
local descriptors = loopback.descriptors
local settle, parked = loopback.settle, loopback.parked
local assert_fails = loopback.assert_fails
local assert_cancelled = loopback.assert_cancelled

-- -- Accepting ---------------------------------------------------------------

describe("listener:accept", function()
  it("takes a connection that is there [26.2]", function()
    local listener = listen()
    local stream = connect(listener)
    local peer = listener:accept()
    peer:write "hello"
    assert.equal("hello", stream:read())
    close_all { stream, peer, listener }
  end)

  it("parks until one comes [26.2]", function()
    local listener = listen()
    local task = parked(listener.accept, listener)
    local stream = connect(listener)
    local peer = task:await()
    assert.equal(stream:local_address(), peer:peer())
    close_all { stream, peer, listener }
  end)

  it("leaves the connection there when it is cancelled [26.2]", function()
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
  end)

  it("is cut off by a timeout [26.2]", testing.virtual(function()
    local listener = listen()
    assert_fails("TimeoutError", weft.timeout, 1, function()
      listener:accept()
    end)
    local stream = connect(listener)
    close_all { stream, listener:accept(), listener }
  end))

  it("gets ClosedError when the listener is closed [26.5]", function()
    local listener = listen()
    local task = parked(listener.accept, listener)
    listener:close()
    listener:close()
    local err = assert_fails("ClosedError", task.await, task)
    assert.equal("listener:accept: the listener is closed", err.message)
    assert_fails("ClosedError", listener.accept, listener)
    assert_fails("ClosedError", listener.address, listener)
    assert_fails("ClosedError", listener.port, listener)
    weft.scope(function(scope)
      scope:cancel()
      assert_fails("CancelledError", listener.accept, listener)
    end)
  end)

  it("delivers a connection it has, cancelled or not [26.2]", function()
    local listener = listen()
    local acceptor = parked(listener.accept, listener)
    local connector = weft.spawn(connect, listener)
    weft.yield() -- it connects
    loopback.await_connection(listener)
    loopback.poll() -- it has woken the acceptor, which is behind this task
    assert.is_true(acceptor:cancel())
    local peer, stream = acceptor:await(), connector:await()
    assert.equal(stream:local_address(), peer:peer())
    close_all { stream, peer, listener }
  end)

  it("refuses a second one, the first goes on [26.5]", function()
    local listener = listen()
    local task = parked(listener.accept, listener)
    assert_fails("BusyError", listener.accept, listener)
    assert_fails("BusyError", listener.serve, listener, function() end)
    local stream = connect(listener)
    close_all { stream, task:await(), listener }
  end)

  it("reports that no descriptor is left, and tries again #emfile [26.2]",
    testing.virtual(function()
      local listener = listen()
      local stream = connect(listener)
      settle()
      local restore = loopback.exhaust_descriptors()
      local task = weft.spawn(listener.accept, listener)
      settle()
      local waits = not task:done()
      restore()
      assert.is_true(waits)
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.equal(report.SYSTEM, reports[1].kind)
      assert.equal("EMFILE", reports[1].err.code)
      local began = weft.now()
      local peer = task:await()
      assert.equal(1, math.floor(weft.now() - began + 0.5))
      assert.equal(stream:local_address(), peer:peer())
      close_all { stream, peer, listener }
    end))

  it("takes them in the order in which they came [26.2]", function()
    local listener = listen()
    local streams = {}
    for i = 1, 20 do streams[i] = connect(listener) end
    for i = 1, 20 do
      local peer = listener:accept()
      assert.equal(streams[i]:local_address(), peer:peer())
      peer:close()
    end
    close_all(streams)
    listener:close()
  end)

  it("gives one that was reset before, which fails when it is read [26.2]",
    function()
      local listener = listen()
      local gone, good = connect(listener), connect(listener)
      loopback.linger_not(gone)
      gone:exit(true)
      local peer = listener:accept()
      local err = assert_fails("OSError", peer.read, peer)
      assert.equal("ECONNRESET", err.code)
      peer:close()
      peer = listener:accept()
      assert.equal(good:local_address(), peer:peer())
      close_all { good, peer, listener }
    end)
end)

describe("a listener", function()
  it("is closed and reported when it is collected [25.12]", function()
    local listener = listen()
    local port, address = port_of(listener), listener:address()
    listener = nil
    collectgarbage()
    collectgarbage()
    settle()
    assert.is_nil(listener)
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(report.UNCLOSED, reports[1].kind)
    assert.is_truthy(reports[1].err.message:find(address, 1, true))
    assert_fails("OSError", net.connect, { host = "127.0.0.1", port = port })
  end)
end)

describe("a runtime", function()
  it("leaves no descriptor of what was left open [25.12]",
    testing.plain(function()
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
    end))
end)
