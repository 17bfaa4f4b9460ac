-- TLS where connections are made: the options `tls` of net.connect and
-- net.listen. What TLS itself does is in tls_spec.lua.
local weft = require "weft"
local net = require "weft.net"
local tls = require "weft.tls"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"
local stream_pair = require "weft.testing.stream_pair"

local close_all, settle = loopback.close_all, loopback.settle
local descriptors = loopback.descriptors
local assert_fails = loopback.assert_fails
local assert_cancelled = loopback.assert_cancelled

-- A certificate for localhost with its key, in PEM; it is its own authority.
local paper
setup(function()
  local pipe = io.popen("openssl req -x509 -newkey ec "
    .. "-pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
    .. "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
    .. "-keyout /dev/stdout -out /dev/stdout 2>/dev/null")
  paper = pipe:read "*a"
  pipe:close()
end)

local function listen(opts)
  opts = opts or {}
  opts.cert = opts.cert or paper
  return net.listen { host = "127.0.0.1", port = 0, tls = opts }
end

local function connect(listener, opts)
  return net.connect {
    host = "127.0.0.1", port = listener:port(), tls = opts or { ca = paper },
  }
end

local function echo(stream)
  for line in stream:lines() do stream:write(line, "\n") end
end

local function assert_served(stream, line)
  stream:write(line, "\n")
  assert.equal(line, stream:read_line())
end

-- Serves while body(listener) runs.
local function with_server(opts, body)
  local listener = listen(opts)
  local server = weft.spawn(listener.serve, listener, echo)
  body(listener)
  listener:close()
  server:await()
end

describe("net.connect and net.listen with tls", function()
  it("speak TLS from the first byte on", function()
    with_server({}, function(listener)
      local stream = connect(listener)
      assert.is_truthy(stream:tls().version:find "^TLSv1%.[23]$")
      assert_served(stream, "hello")
      stream:close()
    end)
  end)

  it("check the certificate for the host that was asked for", function()
    with_server({}, function(listener)
      local port = listener:port()
      local stream = net.connect {
        host = "localhost", port = port, tls = { ca = paper },
      }
      assert.equal("localhost", stream:tls().server_name)
      stream:close()
      local before = descriptors()
      local err = assert_fails("TLSError", net.connect, {
        host = "127.0.0.1", port = port,
        tls = { ca = paper, server_name = "example.org" },
      })
      assert.equal("HOSTNAME_MISMATCH", err.code)
      err = assert_fails("TLSError", connect, listener, true)
      assert.equal("SELF_SIGNED_CERT", err.code)
      settle()
      assert.is_true(descriptors() <= before)
      settle()
      for _, one in ipairs(testing.reports()) do
        assert.is_true(one.err:is "OSError")
      end
    end)
  end)

  it("take contexts, and one for all connections", function()
    local context = tls.context { server = true, cert = paper }
    local client = tls.context { ca = paper }
    local listener = net.listen { host = "127.0.0.1", port = 0, tls = context }
    local server = weft.spawn(listener.serve, listener, echo)
    for _ = 1, 2 do
      local stream = connect(listener, client)
      assert_served(stream, "hello")
      stream:close()
    end
    listener:close()
    server:await()
  end)

  it("work with unix sockets", function()
    local path = os.tmpname()
    os.remove(path)
    local listener = net.listen { path = path, tls = { cert = paper } }
    local server = weft.spawn(listener.serve, listener, echo)
    local stream = net.connect {
      path = path, tls = { ca = paper, server_name = "localhost" },
    }
    assert_served(stream, "hello")
    close_all { stream, listener }
    server:await()
  end)

  it("do a handshake in accept, too", function()
    local listener = listen()
    local client = weft.spawn(connect, listener)
    local peer = listener:accept()
    local stream = client:await()
    peer:write "hello\n"
    assert.equal("hello", stream:read_line())
    close_all { stream, peer, listener }
  end)

  it("raise from accept what a client gets wrong", function()
    local listener = listen()
    local plain = loopback.connect(listener)
    plain:write "GET / HTTP/1.0\r\n\r\n"
    local err = assert_fails("TLSError", listener.accept, listener)
    assert.equal("NOT_TLS", err.code)
    plain:exit(true)
    local client = weft.spawn(connect, listener)
    close_all { listener:accept(), client:await(), listener }
  end)
end)

describe("listener:serve with tls", function()
  it("reports a handshake that fails and goes on [26.4]", function()
    with_server({}, function(listener)
      local plain = loopback.connect(listener)
      local whose = plain:local_address()
      plain:write "GET / HTTP/1.0\r\n\r\n"
      pcall(plain.read_all, plain)
      plain:exit(true)
      local stream = connect(listener)
      assert_served(stream, "hello")
      stream:close()
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.equal("NOT_TLS", reports[1].err.code)
      assert.is_truthy(reports[1].task:find("(" .. whose .. ")", 1, true))
      assert.is_nil(reports[1].err.traceback)
    end)
  end)

  it("lets no slow client keep the others waiting [26.3]", function()
    with_server({}, function(listener)
      local slow = loopback.connect(listener)
      local stream = connect(listener)
      assert_served(stream, "hello")
      close_all { stream, slow }
      settle()
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.equal("TLS_TRUNCATED", reports[1].err.code)
    end)
  end)

  it("gives up a client that says nothing [26.4]", testing.virtual(function()
    with_server({ handshake_timeout = 7 }, function(listener)
      local began = weft.now()
      local slow = loopback.connect(listener)
      assert.is_nil(slow:read())
      assert.equal(7, weft.now() - began)
      slow:close()
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.is_true(reports[1].err:is "TimeoutError")
    end)
  end))

  it("cancels handshakes when it is cancelled [26.4]", function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo)
    local slow = loopback.connect(listener)
    settle()
    assert_cancelled(server)
    assert.is_nil(slow:read())
    close_all { slow, listener }
  end)

  it("drains with handshakes under way [26.4]", testing.virtual(function()
    local listener = listen()
    local server = weft.spawn(listener.serve, listener, echo, { drain = 2 })
    local slow = loopback.connect(listener)
    settle()
    local began = weft.now()
    listener:close()
    assert.is_false(server:await())
    assert.equal(2, weft.now() - began)
    slow:close()
  end))
end)

describe("the option tls", function()
  it("is true, a table, or false for none", function()
    helper.refuses({ "net.connect: tls must be true, or options or a context",
      "string" }, net.connect, { host = "localhost", port = 1, tls = "yes" })
    helper.refuses({ "net.listen: tls must be options or a context",
      "boolean true" }, net.listen, { port = 0, tls = true })
    helper.refuses({ "net.listen: tls", "no option 'certificate'" },
      net.listen, { port = 0, tls = { certificate = "x" } })
    helper.refuses({ "needs a cert" }, net.listen, { port = 0, tls = {} })
    local listener = net.listen {
      host = "127.0.0.1", port = 0, tls = false,
    }
    local stream = net.connect {
      host = "127.0.0.1", port = listener:port(), tls = false,
    }
    assert.is_nil(stream:tls())
    close_all { stream, listener:accept(), listener }
  end)

  it("says so where the extension is not there", function()
    package.loaded["weft.tls"] = nil
    package.preload["weft.tls"] = function() error "no library" end
    local ok, err = pcall(net.connect,
      { host = "127.0.0.1", port = 1, tls = true })
    package.preload["weft.tls"] = nil
    package.loaded["weft.tls"] = tls
    assert.is_false(ok)
    assert.is_true(err:is "ArgumentError")
    assert.is_truthy(err.message:find("extension weft.tls", 1, true))
    assert.is_truthy(err.message:find("no library", 1, true))
  end)

  it("is looked at before anything is begun", function()
    helper.refuses({ "net.connect: tls", "no option 'cipher'" }, net.connect,
      { host = "no such host", port = 1, tls = { cipher = "x" } })
  end)
end)

describe("a stream in memory", function()
  it("speaks TLS", testing.virtual(function()
    local client, server = stream_pair.new { split = 100, delay = 0.5 }
    weft.gather { function()
      server:start_tls { server = true, cert = paper, key = paper }
      server:write(server:read_line() .. "!\n")
    end, function()
      client:start_tls { ca = paper, server_name = "localhost" }
      client:write "hello\n"
      assert.equal("hello!", client:read_line())
    end }
    assert.is_true(weft.now() >= 2) -- two ways there and two back
    close_all { client, server }
  end))
end)
