-- Connecting and listening.
local weft = require "weft"
local net = require "weft.net"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"
local program = require "spec.program"

local listen, connect = loopback.listen, loopback.connect
local port_of, close_all = loopback.port_of, loopback.close_all
local descriptors = loopback.descriptors
local settle = loopback.settle
local assert_fails = loopback.assert_fails
local assert_cancelled = loopback.assert_cancelled

-- -- Connecting --------------------------------------------------------------

describe("net.connect", function()
  it("gives a stream to the listener's address [26.1]", function()
    local listener = listen()
    local stream = connect(listener)
    local peer = listener:accept()
    assert.equal(listener:address(), stream:peer())
    assert.equal(stream:local_address(), peer:peer())
    close_all { stream, peer, listener }
  end)

  it("speaks IPv6, with brackets around the address [26.1]", function()
    local listener = listen "::1"
    local stream = net.connect { host = "::1", port = port_of(listener) }
    assert.is_truthy(stream:peer():match "^%[::1%]:%d+$")
    close_all { stream, listener }
  end)

  it("looks a name up and tries its addresses [26.1]", function()
    local listener = listen()
    local stream = net.connect {
      host = "localhost", port = port_of(listener),
    }
    assert.equal(listener:address(), stream:peer())
    close_all { stream, listener }
  end)

  it("raises an OSError with its code when all fail [26.1]", function()
    local listener = listen()
    local port = port_of(listener)
    listener:close()
    local err = assert_fails("OSError", net.connect,
      { host = "127.0.0.1", port = port })
    assert.equal("ECONNREFUSED", err.code)
    assert.is_truthy(err.message:find("127.0.0.1:" .. port, 1, true))
    err = assert_fails("OSError", net.connect, { host = "::1", port = port })
    assert.is_truthy(err.message:find("[::1]:" .. port, 1, true))
  end)

  it("has an ErrorGroup of all that failed as its cause [26.1]", function()
    local listener = listen()
    local port = port_of(listener)
    listener:close()
    local err = assert_fails("OSError", net.connect,
      { host = "127.0.0.1", port = port })
    local address = "127.0.0.1:" .. port
    assert.equal("connect to " .. address .. ": connection refused",
      err.message)
    assert.is_true(err.cause:is "ErrorGroup")
    assert.equal(1, #err.cause.errors)
    assert.equal("ECONNREFUSED", err.cause.errors[1].code)
    err = assert_fails("OSError", net.connect,
      { host = "localhost", port = port })
    assert.equal("ECONNREFUSED", err.code)
    assert.equal(1, (err.message:find("connect to localhost:" .. port .. ": ",
      1, true)))
    local count = 0
    for _, member in ipairs(err.cause.errors) do
      assert.is_truthy(err.message:find(member.message, 1, true))
      assert.is_truthy(member.message:find(":" .. port .. ": ", 1, true))
      count = count + (member.message:find(address, 1, true) and 1 or 0)
    end
    assert.equal(1, count)
  end)

  it("fails at once where nothing can be sent [26.1]", function()
    local err = assert_fails("OSError", net.connect,
      { host = "255.255.255.255", port = 1 })
    assert.equal("ENETUNREACH", err.code)
    assert.equal(1, #err.cause.errors)
  end)

  it("says so when no descriptor is left, and leaves none #emfile [26.1]",
    function()
      local listener = listen()
      local restore = loopback.exhaust_descriptors()
      local ok, err = pcall(connect, listener)
      restore()
      assert.is_false(ok)
      assert.equal("EMFILE", err.code)
      assert.is_truthy(err.message:find("too many files are open", 1, true))
      local stream = connect(listener)
      close_all { stream, listener:accept(), listener }
    end)

  it("names the host whose name is unknown", function()
    local name = ("x"):rep(64) .. ".invalid" -- too long for any server
    local err = assert_fails("OSError", net.connect, { host = name, port = 80 })
    assert.equal("EHOSTNOTFOUND", err.code)
    assert.equal("connect to " .. name .. ":80: no such host name", err.message)
    assert.is_nil(err.cause)
  end)

  it("leaves no connection when it is cancelled [26.1]", function()
    local listener = listen()
    local task = weft.spawn(connect, listener)
    weft.yield() -- it has begun, and nothing was polled for since
    loopback.await_connection(listener)
    assert_cancelled(task)
    local peer = listener:accept()
    assert.is_nil(peer:read())
    close_all { peer, listener }
  end)

  it("is cut off by a timeout, and nothing is left [26.1]",
    testing.virtual(function()
      local listener = net.listen { host = "127.0.0.1", port = 0, backlog = 1 }
      -- Linux lets one more wait than it was told; to a third it is deaf.
      local streams = { connect(listener), connect(listener) }
      local before = descriptors()
      assert_fails("TimeoutError", weft.timeout, 1, function()
        connect(listener)
      end)
      settle()
      assert.equal(before, (descriptors()))
      close_all(streams)
      listener:close()
    end))

  it("does nothing in cancelled code [26.1]", function()
    local listener = listen()
    weft.scope(function(scope)
      scope:cancel()
      assert_fails("CancelledError", connect, listener)
    end)
    assert_fails("TimeoutError", weft.timeout, 0, function()
      listener:accept()
    end)
    listener:close()
  end)

  it("refuses what is no host or port [26.1]", function()
    local function refuse(opts)
      assert_fails("ArgumentError", net.connect, opts)
    end
    refuse(nil)
    refuse "127.0.0.1:80"
    refuse { port = 80 }
    refuse { host = "", port = 80 }
    refuse { host = "127.0.0.1\0.example.org", port = 80 }
    refuse { host = 127, port = 80 }
    refuse { host = "127.0.0.1" }
    for _, port in ipairs { 0, -1, 65536, 1.5, 0 / 0, "80" } do
      refuse { host = "127.0.0.1", port = port }
    end
  end)

  it("refuses an option it does not know, and tells which there are", function()
    helper.refuses({ "net.connect: there is no option 'prot'",
      "host, port and tls" }, net.connect, { host = "127.0.0.1", prot = 80 })
    helper.refuses({ "net.connect: port must be a whole number from 1 to "
      .. "65535, got nil" }, net.connect, { host = "127.0.0.1" })
    helper.refuses({ "net.connect: host must be a name or an address, got "
      .. "number 127" }, net.connect, { host = 127, port = 80 })
    helper.refuses({ 'a table with host and port, or "unix:/path"',
      'string "127.0.0.1:80"' }, net.connect, "127.0.0.1:80")
    helper.refuses({ "name or an address" }, net.connect,
      { host = ("x"):rep(256), port = 80 })
  end)

  it("needs a task", testing.plain(function()
    assert_fails("InvalidStateError", net.connect,
      { host = "127.0.0.1", port = 80 })
  end))
end)

-- -- Listening ---------------------------------------------------------------

describe("net.listen", function()
  it("takes a free port for port 0, and tells which", function()
    local first, second = listen(), listen()
    assert.is_truthy(first:address():match "^127%.0%.0%.1:%d+$")
    assert.equal("127.0.0.1:" .. first:port(), first:address())
    assert.equal("number", type(first:port()))
    assert.not_equal(first:port(), second:port())
    close_all { first, second }
  end)

  it("raises an OSError where another listens", function()
    local listener = listen()
    local err = assert_fails("OSError", net.listen,
      { host = "127.0.0.1", port = port_of(listener) })
    assert.equal("EADDRINUSE", err.code)
    listener:close()
  end)

  it("takes its port anew right after it was closed", function()
    local listener = listen()
    local port = port_of(listener)
    local stream = connect(listener)
    local peer = listener:accept()
    peer:close() -- first, so that its side is the one that lingers
    assert.is_nil(stream:read())
    close_all { stream, listener }
    net.listen({ host = "127.0.0.1", port = port }):close()
  end)

  it("refuses what is no address, port or backlog", function()
    local function refuse(opts)
      assert_fails("ArgumentError", net.listen, opts)
    end
    refuse(nil)
    refuse "127.0.0.1:80"
    refuse { host = "127.0.0.1" }
    refuse { host = "127.0.0.1", port = 65536 }
    refuse { host = "127.0.0.1", port = 0, backlog = 0 }
    refuse { host = "127.0.0.1", port = 0, backlog = "many" }
    refuse { host = "127.0.0.1", port = 0, tls = {} }
  end)

  it("refuses an option it does not know, and tells which there are", function()
    helper.refuses({ "net.listen: there is no option 'reuse_port'",
      "backlog, host, ipv6only, port, reuseport and tls" }, net.listen,
      { port = 0, reuse_port = true })
    helper.refuses({ "net.listen: reuseport must be true or false" },
      net.listen, { port = 0, reuseport = 1 })
    helper.refuses({ "net.listen: port must be a whole number from 0 to "
      .. "65535, got nil" }, net.listen, { host = "127.0.0.1" })
  end)

  it("listens on all addresses of a name, on one port", function()
    local listener = net.listen { host = "localhost", port = 0 }
    local port = listener:port()
    local found = false
    for _, address in ipairs(listener:addresses()) do
      assert.equal(port, tonumber(address:match ":(%d+)$"))
      found = found or address == "127.0.0.1:" .. port
    end
    assert.is_true(found)
    assert.equal(listener:address(), listener:addresses()[1])
    local stream = connect(listener)
    local peer = listener:accept()
    close_all { stream, peer, listener }
    assert_fails("ClosedError", listener.addresses, listener)
  end)

  it("listens on all addresses of the machine by default", function()
    for _, host in ipairs { "*", false } do
      local listener = net.listen { host = host or nil, port = 0 }
      assert.is_truthy(listener:address():find "^%[::%]:"
        or listener:address():find "^0%.0%.0%.0:")
      local stream = connect(listener)
      local peer = listener:accept()
      close_all { stream, peer, listener }
    end
  end)

  it("shares a port with those who say so", function()
    local listener = net.listen {
      host = "127.0.0.1", port = 0, reuseport = true,
    }
    local where = { host = "127.0.0.1", port = listener:port() }
    local err = assert_fails("OSError", net.listen, where)
    assert.equal("EADDRINUSE", err.code)
    assert.equal("listen on 127.0.0.1:" .. where.port
      .. ": address already in use", err.message)
    where.reuseport = true
    local second = net.listen(where)
    -- The other one's share of the connections goes with it.
    listener:close()
    local stream = connect(second)
    close_all { stream, second:accept(), second }
  end)

  it("shares a port with another process", function()
    local listener = net.listen {
      host = "127.0.0.1", port = 0, reuseport = true,
    }
    local script = program.file(([[
      local net = require "weft.net"
      local listener = net.listen {
        host = "127.0.0.1", port = %d, reuseport = true,
      }
      print "ready"
      io.stdout:flush()
      local stream = listener:accept()
      stream:write "the other\n"
      stream:close()
    ]]):format(listener:port()))
    local other = program.start { script }
    assert.equal("ready", other:line())
    local server = weft.spawn(listener.serve, listener, function(stream)
      stream:write "this one\n"
    end)
    -- The kernel deals them out by the port of the client.
    local tries = 0
    repeat
      local stream = connect(listener)
      local line = stream:read_line()
      stream:close()
      tries = tries + 1
    until line == "the other" or tries == 200
    listener:close()
    server:await()
    assert.is_true(tries < 200)
    local ended = other:finish()
    assert.equal(0, ended.status, ended.err)
    os.remove(script)
  end)

  it("does nothing in cancelled code", function()
    weft.scope(function(scope)
      scope:cancel()
      assert_fails("CancelledError", net.listen, { port = 0 })
      assert_fails("CancelledError", net.listen, "unix:/tmp/never")
    end)
  end)

  it("needs a task", testing.plain(function()
    assert_fails("InvalidStateError", net.listen, { port = 0 })
    assert_fails("InvalidStateError", net.listen, "unix:/tmp/never")
  end))
end)
