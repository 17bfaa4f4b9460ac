-- UDP sockets.
local weft = require "weft"
local net = require "weft.net"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local fails, refuses = helper.fails, helper.refuses
local parked, assert_cancelled = loopback.parked, loopback.assert_cancelled
local descriptors = loopback.descriptors

local HERE = "127.0.0.1"

local function open(host) return net.udp { host = host or HERE } end

-- Calls body(a, b) with two sockets, and closes them.
local function with_two(body)
  local before = descriptors()
  local a, b = open(), open()
  body(a, b)
  a:close()
  b:close()
  loopback.settle()
  assert.equal(before, descriptors())
end

-- A port that nobody has.
local function free_port()
  local socket = open()
  local port = socket:port()
  socket:close()
  return port
end

-- -- Opening -----------------------------------------------------------------

describe("net.udp", function()
  it("opens a socket on an address, and any port", function()
    local socket = open()
    assert.equal("127.0.0.1:" .. socket:port(), socket:address())
    assert.is_true(socket:port() > 0)
    local other = net.udp()
    assert.is_truthy(other:address():match "^0%.0%.0%.0:%d+$")
    loopback.close_all { socket, other }
  end)

  it("opens one on an IPv6 address", function()
    local socket = open "::1"
    assert.is_truthy(socket:address():match "^%[::1%]:%d+$")
    socket:close()
  end)

  it("shares an address where all want to", function()
    for _, name in ipairs { "reuseaddr", "reuseport" } do
      local one = net.udp { host = HERE, [name] = true }
      local two = net.udp { host = HERE, port = one:port(), [name] = true }
      loopback.close_all { one, two }
    end
  end)

  it("raises an OSError with the address if that is taken", function()
    local socket = open()
    local err = fails("OSError", net.udp, { host = HERE, port = socket:port() })
    assert.equal("EADDRINUSE", err.code)
    assert.is_truthy(err.message:find(socket:address(), 1, true))
    socket:close()
  end)

  it("refuses what is no address, port or option", function()
    refuses({ "host must be an address", "localhost" }, net.udp,
      { host = "localhost" })
    refuses({ "host", "a name or an address", "127" }, net.udp, { host = 127 })
    refuses({ "port", "0 to 65535", "65536" }, net.udp, { port = 65536 })
    refuses({ "port", "0 to 65535" }, net.udp, { port = 1.5 })
    refuses({ "reuseaddr", "true or false" }, net.udp, { reuseaddr = 1 })
    refuses({ "no option 'hots'", "host" }, net.udp, { hots = HERE })
    refuses({ "opts must be a table" }, net.udp, HERE)
    refuses({ "of IPv6" }, net.udp, { host = HERE, ipv6only = true })
  end)

  it("needs a runtime",
    testing.plain(function() fails("InvalidStateError", net.udp) end))

  it("is there as weft.net.udp", function()
    assert.equal(net.udp, weft.net.udp)
  end)
end)

-- -- Sending and receiving ---------------------------------------------------

describe("udp:send and udp:receive", function()
  it("take a datagram whole, with its sender [27.1]", function()
    with_two(function(a, b)
      a:send("one", HERE, b:port())
      a:send("three", HERE, b:port())
      local data, address, host, port = b:receive()
      assert.equal("one", data)
      assert.equal(a:address(), address)
      assert.equal(HERE, host)
      assert.equal(a:port(), port)
      assert.equal("three", (b:receive()))
    end)
  end)

  it("tell IPv6 addresses apart from their ports", function()
    local a, b = open "::1", open "::1"
    a:send("x", "::1", b:port())
    local _, address, host, port = b:receive()
    assert.equal("[::1]:" .. a:port(), address)
    assert.equal("::1", host)
    assert.equal(a:port(), port)
    loopback.close_all { a, b }
  end)

  it("take an empty datagram for one, and 65,507 bytes [27.1]", function()
    with_two(function(a, b)
      local large = ("0123456789"):rep(6551):sub(1, 65507)
      a:send("", HERE, b:port())
      a:send(large, HERE, b:port())
      assert.equal("", (b:receive()))
      assert.is_true(large == b:receive())
      local err = fails("OSError", a.send, a, large .. "x", HERE, b:port())
      assert.equal("EMSGSIZE", err.code)
      assert.is_truthy(err.message:find(b:address(), 1, true))
    end)
  end)

  it("look up a name", function()
    with_two(function(a, b)
      a:send("x", "localhost", b:port())
      assert.equal("x", (b:receive()))
    end)
  end)

  it("wait until one comes [27.1]", function()
    with_two(function(a, b)
      local task = parked(b.receive, b)
      a:send("late", HERE, b:port())
      assert.equal("late", (task:await()))
    end)
  end)

  it("lose none when cancelled [27.1]", function()
    with_two(function(a, b)
      local task = parked(b.receive, b)
      a:send("kept", HERE, b:port())
      assert_cancelled(task)
      assert.equal("kept", (b:receive()))
    end)
  end)

  it("lose none in a timeout [27.1]", testing.virtual(function()
    local a, b = open(), open()
    fails("TimeoutError", weft.timeout, 5, function() b:receive() end)
    a:send("kept", HERE, b:port())
    assert.equal("kept", (b:receive()))
    loopback.close_all { a, b }
  end))

  it("refuse a second receiver, and leave the first alone [27.1]", function()
    with_two(function(a, b)
      local task = parked(b.receive, b)
      fails("BusyError", b.receive, b)
      a:send("x", HERE, b:port())
      assert.equal("x", (task:await()))
    end)
  end)

  it("give one datagram to one of two, even if both come at once [27.1]",
    function()
      with_two(function(a, b)
        local task = parked(b.receive, b)
        a:send("one", HERE, b:port())
        a:send("two", HERE, b:port())
        repeat
          local ok, err = weft.try(b.receive, b)
          assert.is_true(ok ~= nil or err:is "BusyError")
          if not ok then weft.yield() end
        until ok
        assert.equal("one", (task:await()))
      end)
    end)

  it("raise Cancelled in cancelled code [3.2]", function()
    with_two(function(a, b)
      for _, call in ipairs {
        function() a:send("x", HERE, b:port()) end,
        function() b:receive() end,
        function() a:connect(HERE, b:port()) end,
      } do
        local scope = weft.scope(function(s)
          s:cancel()
          call()
        end)
        assert.is_true(scope:cancelled_caught())
      end
      fails("OSError", a.peer, a)
      a:send("after", HERE, b:port())
      assert.equal("after", (b:receive()))
    end)
  end)

  it("refuse what cannot be sent or sent to", function()
    with_two(function(a, b)
      refuses({ "data", "a string", "number" }, a.send, a, 1, HERE, 1)
      refuses({ "host", "a name or an address" }, a.send, a, "x", nil, 1)
      refuses({ "host" }, a.send, a, "x", "", 1)
      refuses({ "host" }, a.send, a, "x", "a\0b", 1)
      refuses({ "port", "1 to 65535", "nil" }, a.send, a, "x", HERE)
      refuses({ "port", "1 to 65535" }, a.send, a, "x", HERE, 0)
      refuses({ "host" }, a.connect, a, true, 1)
      refuses({ "port" }, a.connect, a, HERE, "53")
      local err = fails("OSError", a.send, a, "x")
      assert.equal("EDESTADDRREQ", err.code)
      assert.is_truthy(err.message:find("host and port are needed", 1, true))
      err = fails("OSError", a.send, a, "x", "::1", b:port())
      assert.equal("EAFNOSUPPORT", err.code)
    end)
  end)

  it("fail outside a task", function()
    with_two(function(a, b)
      local err
      weft.call_soon(function() err = select(2, pcall(b.receive, b)) end)
      loopback.settle()
      assert.is_true(err:is "InvalidStateError")
      a:send("x", HERE, b:port())
      assert.equal("x", (b:receive()))
    end)
  end)
end)

describe("udp:datagrams", function()
  it("gives one after the other until the socket is closed", function()
    with_two(function(a, b)
      local heard = {}
      local task = weft.spawn(function()
        for data, address in b:datagrams() do
          assert.equal(a:address(), address)
          table.insert(heard, data)
        end
      end)
      for i = 1, 3 do a:send("number " .. i, HERE, b:port()) end
      while #heard < 3 do weft.yield() end
      b:close()
      task:await()
      assert.same({ "number 1", "number 2", "number 3" }, heard)
    end)
  end)

  it("raises what else receive raises [27.1]", function()
    with_two(function(_, b)
      local task = parked(b.receive, b)
      local items, state = b:datagrams()
      fails("BusyError", items, state)
      assert_cancelled(task)
    end)
  end)
end)

-- -- Connected ---------------------------------------------------------------

describe("udp:connect", function()
  it("to nobody again leaves a socket on all addresses its port", function()
    local socket, peer = net.udp(), open()
    local address = socket:address()
    socket:connect(HERE, peer:port())
    socket:connect()
    assert.equal(address, socket:address())
    peer:send("x", HERE, socket:port())
    assert.equal("x", (socket:receive()))
    socket:close()
    peer:close()
  end)

  it("sends to one peer, hears from it alone", function()
    with_two(function(a, b)
      local stranger = open()
      fails("OSError", a.peer, a)
      a:connect("localhost", b:port())
      assert.equal(b:address(), a:peer())
      a:send "x"
      assert.equal("x", (b:receive()))
      stranger:send("no", HERE, a:port())
      b:send("yes", HERE, a:port())
      assert.equal("yes", (a:receive()))
      local address = a:address()
      a:connect()
      fails("OSError", a.send, a, "x")
      assert.equal(address, a:address())
      stranger:send("again", HERE, a:port())
      assert.equal("again", (a:receive()))
      stranger:close()
    end)
  end)

  it("tells of a refusal, and the socket stays good [27.1]", function()
    local port = free_port()
    local socket = open()
    socket:connect(HERE, port)
    socket:send "x"
    local err = fails("OSError", socket.receive, socket)
    assert.equal("ECONNREFUSED", err.code)
    assert.equal(("udp:receive (connected to %s:%d): connection refused")
      :format(HERE, port), err.message)
    local peer = net.udp { host = HERE, port = port }
    socket:send "y"
    assert.equal("y", (peer:receive()))
    loopback.close_all { socket, peer }
  end)
end)

-- -- The end -----------------------------------------------------------------

describe("udp:close", function()
  it("wakes who receives, and ends all use [3.10]", function()
    local socket = open()
    local task = parked(socket.receive, socket)
    socket:close()
    socket:close()
    local err = fails("ClosedError", task.await, task)
    assert.equal("udp:receive: the socket is closed", err.message)
    fails("ClosedError", socket.receive, socket)
    fails("ClosedError", socket.send, socket, "x", HERE, 9)
    fails("ClosedError", socket.connect, socket, HERE, 9)
    fails("ClosedError", socket.address, socket)
    fails("ClosedError", socket.set_ttl, socket, 1)
    fails("ClosedError", socket.join, socket, "239.1.2.3")
  end)

  it("ends the use in a with", function()
    local kept
    weft.with(open(), function(socket) kept = socket end)
    fails("ClosedError", kept.address, kept)
  end)

  it("is made up for when a socket is collected open [25.12]", function()
    local before = descriptors()
    local address = open():address()
    collectgarbage()
    collectgarbage()
    loopback.settle()
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(report.UNCLOSED, reports[1].kind)
    assert.is_truthy(reports[1].err.message:find(
      "the UDP socket on " .. address, 1, true))
    assert.equal(before, descriptors())
  end)

  it("comes with the end of the runtime, and use after that",
    testing.plain(function()
      local before = descriptors()
      local kept
      weft.run(function() kept = open() end)
      assert.equal(before, descriptors())
      fails("InvalidStateError", kept.address, kept)
      weft.run(function()
        fails("ClosedError", kept.address, kept)
        fails("ClosedError", kept.receive, kept)
        kept:close()
      end)
    end))
end)

-- -- Options and groups ------------------------------------------------------

describe("the options of a socket", function()
  it("are set, and read by name", function()
    local socket = open()
    socket:set_ttl(3)
    socket:set_multicast_ttl(0)
    socket:set_multicast_loop(false)
    socket:set_broadcast(true)
    assert.equal(3, socket:option "ttl")
    assert.equal(0, socket:option "multicast_ttl")
    assert.is_false(socket:option "multicast_loop")
    assert.is_true(socket:option "broadcast")
    socket:set_receive_buffer(65536)
    socket:set_send_buffer(65536)
    assert.is_true(socket:option "receive_buffer" >= 65536)
    assert.is_true(socket:option "send_buffer" >= 65536)
    socket:close()
  end)

  it("are refused with what would be right", function()
    local socket = open()
    refuses({ "set_ttl", "1 to 255", "0" }, socket.set_ttl, socket, 0)
    refuses({ "set_broadcast", "true or false", "1" }, socket.set_broadcast,
      socket, 1)
    refuses({ "0 to 255" }, socket.set_multicast_ttl, socket, 1.5)
    refuses({ "set_receive_buffer" }, socket.set_receive_buffer, socket, 0)
    refuses({ "broadcast, ttl" }, socket.option, socket, "tll")
    socket:close()
  end)

  it("let it broadcast where that is wanted", function()
    local socket = net.udp()
    local err = fails("OSError", socket.send, socket, "x", "255.255.255.255", 9)
    assert.equal("EACCES", err.code)
    local other = net.udp { broadcast = true }
    local peer = net.udp { host = "127.255.255.255" }
    other:send("all", "127.255.255.255", peer:port())
    assert.equal("all", (peer:receive()))
    loopback.close_all { socket, other, peer }
  end)
end)

describe("udp:join", function()
  local GROUP = "239.255.77.2"

  it("hears what is sent to a group, until it leaves", function()
    local one = net.udp { reuseaddr = true }
    local two = net.udp { port = one:port(), reuseaddr = true }
    local from = net.udp()
    one:join(GROUP, HERE)
    two:join(GROUP, HERE)
    from:set_multicast_interface(HERE)
    from:send("all", GROUP, one:port())
    assert.equal("all", (one:receive()))
    assert.equal("all", (two:receive()))
    two:leave(GROUP, HERE)
    fails("OSError", two.leave, two, GROUP, HERE)
    loopback.close_all { one, two, from }
  end)

  it("refuses what is no group or interface", function()
    local socket = net.udp()
    refuses({ "udp:join", "multicast address", "127.0.0.1" }, socket.join,
      socket, HERE)
    refuses({ "udp:leave", "multicast address", "group" }, socket.leave, socket,
      "group")
    refuses({ "group must be a string" }, socket.join, socket)
    refuses({ "interface must be a string" }, socket.join, socket, GROUP, 1)
    local err = fails("OSError", socket.join, socket, GROUP, "no such")
    assert.equal("ENODEV", err.code)
    assert.is_truthy(err.message:find("join 239.255.77.2 on no such", 1, true))
    fails("OSError", socket.set_multicast_interface, socket, "no such")
    socket:close()
  end)
end)
