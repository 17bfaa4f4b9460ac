-- weft.tls: TLS on streams, both ends in this process.
local weft = require "weft"
local net = require "weft.net"
local tls = require "weft.tls"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"
local papers = require "spec.papers"

local fails, refuses = helper.fails, helper.refuses
local run = testing.task
local path, read = papers.path, papers.read
local pair, new_pair, parked = loopback.pair, loopback.new_pair,
  loopback.parked

setup(papers.make)
teardown(papers.remove)

local function server_options(changes)
  local opts = { server = true, cert = path "server.pem", key = path "key.pem" }
  for name, value in pairs(changes or {}) do opts[name] = value or nil end
  return opts
end

local function client_options(changes)
  local opts = { ca = path "ca.pem", server_name = "localhost" }
  for name, value in pairs(changes or {}) do opts[name] = value or nil end
  return opts
end

-- Two ends of a connection that speak TLS: the client's, and the server's.
local function secure(client_opts, server_opts)
  local stream, peer = pair()
  weft.gather {
    function() stream:start_tls(client_opts or client_options()) end,
    function() peer:start_tls(server_opts or server_options()) end,
  }
  return stream, peer
end

local function close_both(stream, peer)
  stream:exit(true)
  peer:exit(true)
end

-- The errors, or nil, with which both sides end a handshake.
local function refusal(client_opts, server_opts)
  local stream, peer = pair()
  local outcomes = weft.gather({
    function() stream:start_tls(client_opts) end,
    function() peer:start_tls(server_opts or server_options()) end,
  }, { return_errors = true })
  close_both(stream, peer)
  return outcomes[1], outcomes[2]
end

local function check_tls_error(err, code, pieces, detail)
  assert.is_true(err:is "TLSError" and err:is "OSError", tostring(err))
  assert.equal(code, err.code)
  for _, piece in ipairs(pieces or {}) do
    assert.is_truthy(err.message:find(piece, 1, true), err.message)
  end
  if detail then assert.equal(detail, err.detail) end
end

-- -- Bytes ------------------------------------------------------------------

describe("a stream that speaks TLS", function()
  it("is the same stream, with all its methods", function()
    local stream, peer = pair()
    local started, accepted = unpack(weft.gather {
      function() return stream:start_tls(client_options()) end,
      function() return peer:start_tls(server_options()) end,
    })
    assert.equal(stream, started)
    assert.equal(peer, accepted)
    peer:write("exactly", "until;", "a line\n", "the last")
    peer:shutdown()
    assert.equal("exactly", stream:read_exactly(7))
    assert.equal("until;", stream:read_until ";")
    assert.equal("a line", stream:read_line())
    assert.equal("the last", stream:read_all())
    assert.is_nil(stream:read())
    local err = fails("ClosedError", peer.write, peer, "x")
    assert.equal("stream:write: the sending side was shut down", err.message)
    stream:write "half open"
    stream:flush()
    assert.equal("half open", peer:read())
    assert.is_truthy(stream:peer():find "^127%.0%.0%.1:%d+$")
    stream:close()
    assert.is_nil(peer:read())
    peer:close()
  end)

  it("knows what was agreed on", function()
    local stream, peer = secure(client_options { alpn = { "b", "a" } },
      server_options { alpn = { "a", "b" } })
    local info = stream:tls()
    assert.equal("TLSv1.3", info.version)
    assert.is_truthy(info.cipher:find "^TLS_")
    assert.equal("a", info.alpn)
    assert.equal("localhost", info.server_name)
    assert.is_false(info.resumed)
    assert.equal("CN=server", info.peer.subject)
    assert.equal("CN=Spec authority", info.peer.issuer)
    assert.same({ "localhost", "127.0.0.1" }, info.peer.names)
    assert.equal("02", info.peer.serial)
    assert.equal(64, #info.peer.fingerprint)
    assert.is_truthy(info.peer.not_after:find "^20%d%d%-%d%d%-%d%d .* UTC$")
    assert.equal(read "server.pem", info.peer.pem)
    local other = peer:tls()
    assert.equal("localhost", other.server_name)
    assert.equal("a", other.alpn)
    assert.is_nil(other.peer)
    close_both(stream, peer)
  end)

  it("is none before", function()
    assert.is_nil(new_pair():tls())
  end)

  it("carries megabytes both ways at once", function()
    local stream, peer = secure()
    local function talk(own)
      weft.gather {
        function()
          for _ = 1, 4 do own:write(loopback.MUCH:sub(1, 2 ^ 20)) end
          own:shutdown()
        end,
        function() assert.equal(4 * 2 ^ 20, (loopback.drain(own))) end,
      }
    end
    weft.gather { function() talk(stream) end, function() talk(peer) end }
    close_both(stream, peer)
  end)

  it("makes writers wait for a peer that does not read [25.8]", function()
    local stream, peer = secure()
    local writer = parked(function()
      stream:write(loopback.MUCH)
      stream:write "after"
    end)
    loopback.assert_cancelled(writer)
    close_both(stream, peer)
  end)

  it("lets a second reader know that it is one [25.7]", function()
    local stream, peer = secure()
    local reader = parked(stream.read, stream)
    fails("BusyError", stream.read, stream)
    peer:write "x"
    assert.equal("x", reader:await())
    close_both(stream, peer)
  end)

  it("loses no byte by a read that is cancelled [25.5]", function()
    local stream, peer = secure()
    loopback.assert_cancelled(parked(stream.read, stream))
    peer:write "kept"
    assert.equal("kept", stream:read())
    close_both(stream, peer)
  end)

  it("may be a unix socket's", function()
    local name = os.tmpname()
    os.remove(name)
    local listener = net.listen("unix:" .. name)
    local outcome = weft.gather {
      function()
        local stream = net.connect("unix:" .. name)
        stream:start_tls(client_options())
        local line = stream:read_line()
        stream:close()
        return line
      end,
      function()
        local peer = listener:accept()
        peer:start_tls(server_options())
        peer:write "by unix\n"
        peer:close()
      end,
    }
    assert.equal("by unix", outcome[1])
    listener:close()
  end)

  it("may begin after plain words", function()
    local stream, peer = pair()
    weft.gather {
      function()
        stream:write "STARTTLS\n"
        assert.equal("go on", stream:read_line())
        stream:start_tls(client_options())
        stream:write "secret\n"
      end,
      function()
        assert.equal("STARTTLS", peer:read_line())
        peer:write "go on\n"
        peer:start_tls(server_options())
        assert.equal("secret", peer:read_line())
      end,
    }
    close_both(stream, peer)
  end)

  it("leaves no descriptor", function()
    close_both(secure())
    local before = loopback.descriptors()
    for _ = 1, 5 do
      local stream, peer = secure()
      stream:close()
      peer:close()
    end
    assert.equal(before, (loopback.descriptors()))
  end)
end)

-- -- Ends -------------------------------------------------------------------

describe("the end of a stream that speaks TLS", function()
  it("is cut off without close_notify, after what came [25.6]", function()
    local stream, peer = secure()
    peer:write "all but the e"
    peer:flush()
    peer:exit(true)
    assert.equal("all but the e", stream:read())
    local err = fails("TLSError", stream.read, stream)
    check_tls_error(err, "TLS_TRUNCATED", { "localhost", "close_notify" })
    fails("TLSError", stream.read_all, stream)
    fails("TLSError", stream.read_exactly, stream, 1)
    fails("TLSError", stream.read_line, stream)
    close_both(stream, peer)
  end)

  it("may be allowed to be so", function()
    local stream, peer = secure(client_options { allow_truncation = true })
    peer:write "all"
    peer:flush()
    peer:exit(true)
    assert.equal("all", stream:read_all())
    close_both(stream, peer)
  end)

  it("names the alert by which a server refuses a client", function()
    local stream, peer = pair()
    local outcomes = weft.gather({
      function() stream:start_tls(client_options()) end,
      function()
        peer:start_tls(server_options { verify = true, ca = path "ca.pem" })
      end,
    }, { return_errors = true })
    check_tls_error(outcomes[2], "CERT_MISSING", { "the client" })
    local err = fails("TLSError", stream.read, stream)
    check_tls_error(err, "TLS_ALERT", { '"certificate required"' },
      "certificate required")
    close_both(stream, peer)
  end)
end)

-- -- Certificates -----------------------------------------------------------

describe("a certificate that is not accepted", function()
  it("has expired", function()
    local client, server = refusal(client_options(),
      server_options { cert = path "expired.pem" })
    check_tls_error(client, "CERT_HAS_EXPIRED",
      { "localhost", "2020-01-02 00:00:00 UTC" }, "certificate has expired")
    check_tls_error(server, "TLS_ALERT", { "the client" },
      "certificate expired")
  end)

  it("is signed by itself", function()
    local client = refusal(client_options(),
      server_options { cert = path "self.pem" })
    check_tls_error(client, "SELF_SIGNED_CERT", { "localhost", "CN=self" },
      "self-signed certificate")
  end)

  it("is for another host", function()
    local client = refusal(client_options { server_name = "example.net" })
    check_tls_error(client, "HOSTNAME_MISMATCH",
      { "example.net", "localhost, 127.0.0.1" })
    client = refusal(client_options { server_name = "127.0.0.2" })
    check_tls_error(client, "HOSTNAME_MISMATCH", { "127.0.0.2" })
  end)

  it("is of an issuer who is not trusted", function()
    local client = refusal { server_name = "localhost" }
    check_tls_error(client, "UNKNOWN_ISSUER", { "CN=Spec authority" })
  end)

  it("is a client's", function()
    local _, server = refusal(client_options {
      cert = path "self.pem", key = path "key.pem",
    }, server_options { verify = "request", ca = path "ca.pem" })
    check_tls_error(server, "SELF_SIGNED_CERT", { "the client", "CN=self" })
  end)

  it("is accepted if none is asked for", function()
    local client, server = refusal({ verify = false },
      server_options { cert = path "expired.pem" })
    assert.is_nil(client)
    assert.is_nil(server)
    client = refusal { ca = path "ca.pem", check_name = false }
    assert.is_nil(client)
  end)
end)

describe("a client's certificate", function()
  it("is known to the server", function()
    local stream, peer = secure(client_options {
      cert = path "client.pem", key = path "key.pem",
    }, server_options { verify = true, ca = path "ca.pem" })
    assert.equal("CN=ann", peer:tls().peer.subject)
    close_both(stream, peer)
  end)

  it("need not be sent on request", function()
    local stream, peer = secure(client_options(),
      server_options { verify = "request", ca = path "ca.pem" })
    assert.is_nil(peer:tls().peer)
    close_both(stream, peer)
  end)
end)

describe("a handshake", function()
  it("needs a version, a cipher and a protocol in common", function()
    local client, server = refusal(client_options { min_version = "1.3" },
      server_options { max_version = "1.2" })
    check_tls_error(client, "TLS_VERSION_MISMATCH")
    check_tls_error(server, "TLS_VERSION_MISMATCH")
    client, server = refusal(client_options {
      max_version = "1.2", ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
    }, server_options { ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384" })
    check_tls_error(client, "TLS_ALERT", {}, "handshake failure")
    check_tls_error(server, "NO_SHARED_CIPHER")
    client, server = refusal(client_options { alpn = { "a" } },
      server_options { alpn = { "b" } })
    check_tls_error(client, "NO_SHARED_PROTOCOL")
    check_tls_error(server, "NO_SHARED_PROTOCOL")
  end)

  it("tells a peer that speaks something else", function()
    local stream, peer = new_pair()
    peer:write "HTTP/1.1 400 Bad Request\r\n\r\n"
    check_tls_error(fails("TLSError", stream.start_tls, stream,
      client_options()), "NOT_TLS", { "localhost does not speak TLS" })
    check_tls_error(fails("TLSError", stream.read, stream), "NOT_TLS")
    check_tls_error(fails("TLSError", stream.write, stream, "x"), "NOT_TLS")
  end)

  it("tells a peer that goes", function()
    local stream, peer = new_pair()
    local task = parked(weft.try, stream.start_tls, stream, client_options())
    peer:read()
    peer:close()
    local _, err = task:await()
    check_tls_error(err, "TLS_TRUNCATED", { "during the TLS handshake" })
  end)

  it("cancelled, leaves a stream that can only be closed", function()
    local stream = new_pair()
    loopback.assert_cancelled(parked(stream.start_tls, stream,
      client_options()))
    check_tls_error(fails("TLSError", stream.read, stream), "TLS_CANCELLED")
    check_tls_error(fails("TLSError", stream.write, stream, "x"),
      "TLS_CANCELLED")
    stream:close()
  end)

  it("is limited by a scope [7.4]", testing.virtual(function()
    local stream = new_pair()
    fails("TimeoutError", weft.timeout, 5, function()
      stream:start_tls(client_options())
    end)
    check_tls_error(fails("TLSError", stream.read, stream), "TLS_CANCELLED")
  end))

  it("ends with its stream [3.10]", function()
    local stream = new_pair()
    local task = parked(weft.try, stream.start_tls, stream, client_options())
    stream:close()
    local _, err = task:await()
    assert.is_true(err:is "ClosedError")
    fails("ClosedError", stream.start_tls, stream, client_options())
  end)

  it("needs a stream without unread bytes or a parked reader [25.10]",
    function()
      local stream, peer = new_pair()
      local reader = parked(stream.read, stream, 1)
      local err = fails("InvalidStateError", stream.start_tls, stream,
        client_options())
      assert.is_truthy(err.message:find("unread bytes", 1, true))
      peer:write "ab"
      assert.equal("a", reader:await())
      fails("InvalidStateError", stream.start_tls, stream, client_options())
      assert.equal("b", stream:read())
    end)

  it("is made once", function()
    local stream, peer = secure()
    fails("InvalidStateError", stream.start_tls, stream, client_options())
    peer:write "x"
    assert.equal("x", stream:read())
    close_both(stream, peer)
  end)

  it("needs a task", testing.plain(function()
    local stream
    weft.run(function() stream = pair() end)
    fails("InvalidStateError", stream.start_tls, stream, client_options())
  end))
end)

-- -- Contexts ---------------------------------------------------------------

describe("a context", function()
  it("takes up the sessions of its servers again", function()
    local client = tls.context { ca = path "ca.pem" }
    local server = tls.context(server_options())
    for i = 1, 3 do
      local listener = loopback.listen() -- another port, another server
      for k = 1, 3 do
        local stream = loopback.connect(listener)
        local peer = listener:accept()
        weft.gather {
          function()
            stream:start_tls { context = client, server_name = "localhost" }
          end,
          function() peer:start_tls(server) end,
        }
        assert.equal(k > 1, stream:tls().resumed, i .. ", " .. k)
        peer:write "tickets come with this"
        stream:read()
        close_both(stream, peer)
      end
      listener:close()
    end
  end)

  it("may not want to", function()
    local client = tls.context { ca = path "ca.pem", resume = false }
    local server = tls.context(server_options())
    local listener = loopback.listen()
    for _ = 1, 2 do
      local stream, peer = loopback.connect(listener), listener:accept()
      weft.gather {
        function()
          stream:start_tls { context = client, server_name = "localhost" }
        end,
        function() peer:start_tls(server) end,
      }
      peer:write "x"
      stream:read()
      assert.is_false(stream:tls().resumed)
      close_both(stream, peer)
    end
    listener:close()
  end)

  it("is reloaded without a connection being dropped", function()
    local server = tls.context(server_options())
    local old, old_peer = secure(client_options(), server)
    server:reload { cert = path "other.pem" }
    local fresh, fresh_peer =
      secure(client_options { server_name = "example.org" }, server)
    assert.equal("CN=other", fresh:tls().peer.subject)
    old_peer:write "still here"
    assert.equal("still here", old:read())
    close_both(old, old_peer)
    close_both(fresh, fresh_peer)
  end)

  it("reads its files anew", function()
    local file = path "changing.pem"
    local function put(name)
      local out = assert(io.open(file, "w"))
      out:write((read(name)))
      out:close()
    end
    put "server.pem"
    local server = tls.context(server_options { cert = file })
    put "other.pem"
    server:reload()
    close_both(secure(client_options { server_name = "example.org" }, server))
    put "ca.conf"
    refuses({ "context:reload", "no certificate in " .. file }, server.reload,
      server)
    close_both(secure(client_options { server_name = "example.org" }, server))
    os.remove(file)
  end)

  it("has certificates for a server's other names", function()
    local server = tls.context(server_options { hosts = {
      ["example.org"] = { cert = path "other.pem", key = path "key.pem" },
      ["*.self"] = { cert = path "self.pem", key = path "key.pem" },
    } })
    for name, subject in pairs {
      localhost = "server", ["example.org"] = "other",
      ["EXAMPLE.org"] = "other", ["a.self"] = "self",
      ["a.b.self"] = "server", self = "server",
    } do
      local stream, peer = secure({ verify = false, server_name = name },
        server)
      assert.equal("CN=" .. subject, stream:tls().peer.subject)
      assert.equal(name, peer:tls().server_name)
      close_both(stream, peer)
    end
  end)

  it("takes PEM for files", function()
    close_both(secure(client_options { ca = { read "ca.pem", path "ca.pem" } },
      { server = true, cert = read "both.pem" }))
  end)

  it("takes an encrypted key with its password", function()
    close_both(secure({ verify = false }, {
      server = true, cert = path "locked.pem", key = path "locked_key.pem",
      password = "sesame",
    }))
  end)

  it("may be made outside any runtime, and outlive one", function()
    local server = tls.context(server_options())
    for _ = 1, 2 do
      run(function() close_both(secure(client_options(), server)) end)()
    end
  end)
end)

describe("tls.context", function()
  local function refused(pieces, changes)
    refuses(pieces, tls.context, server_options(changes))
  end

  it("refuses what is wrong in its files", function()
    refused({ "tls.context", "not the key of the certificate" },
      { key = path "other_key.pem" })
    refused({ "encrypted", "password" }, { key = path "locked_key.pem" })
    refused({ "password", "wrong" },
      { key = path "locked_key.pem", password = "simsim" })
    refused({ "no certificate in " .. path "key.pem" },
      { cert = path "key.pem" })
    refused({ "no private key in " .. path "server.pem" }, { key = false })
    refused({ "no certificate in" }, { ca = path "key.pem" })
    refused({ "no revocation list in" }, { crl = path "ca.pem" })
    local err = fails("OSError", tls.context, server_options {
      cert = "/no/such/file.pem",
    })
    assert.equal("ENOENT", err.code)
    assert.is_truthy(err.message:find("/no/such/file.pem", 1, true))
  end)

  it("refuses options that there are not, or of the wrong kind", function()
    refused({ "'certificate'" }, { certificate = "x" })
    refused({ "cert", "string", "number 5" }, { cert = 5 })
    refused({ "ca", "list of strings" }, { ca = {} })
    refused({ "ca", "list of strings" }, { ca = { 1 } })
    refused({ "verify", "request" }, { verify = "maybe" })
    refused({ "min_version", "1.2 or 1.3" }, { min_version = "1.1" })
    refused({ "alpn", "255" }, { alpn = "h2" })
    refused({ "alpn", "255" }, { alpn = { ("x"):rep(256) } })
    refused({ "resume", "true or false" }, { resume = 1 })
    refused({ "handshake_timeout", "above 0" }, { handshake_timeout = 0 })
    local good = { cert = path "server.pem", key = path "key.pem" }
    refused({ "hosts", "by host names" }, { hosts = { good } })
    refused({ "hosts", "by host names" }, { hosts = { a = { cart = "x" } } })
    refused({ "hosts", "by host names" },
      { hosts = { a = { cert = "x", ca = "y" } } })
    refused({ 'hosts: "a.*" can be no' }, { hosts = { ["a.*"] = good } })
    refused({ "no private key in" },
      { hosts = { a = { cert = path "server.pem" } } })
    refused({ "no cipher called ROT13" }, { ciphers = "ROT13" })
    refuses({ "table" }, tls.context, "x")
  end)

  it("refuses options that do not go together", function()
    refused({ "min_version, 1.3", "max_version, 1.2" },
      { min_version = "1.3", max_version = "1.2" })
    refused({ "verify", "ca" }, { verify = true })
    refuses({ "server needs a cert" }, tls.context, { server = true })
    refuses({ "key needs a cert" }, tls.context, { key = path "key.pem" })
    refuses({ "hosts are a server's" }, tls.context,
      { hosts = { a = { cert = path "both.pem" } } })
    refuses({ "only a server" }, tls.context, { verify = "request" })
  end)

  it("cannot change sides when it is reloaded", function()
    local context = tls.context(server_options())
    refuses({ "server cannot change" }, context.reload, context,
      { server = false })
    refuses({ "'x'" }, context.reload, context, { x = 1 })
  end)
end)

-- -- Starting ---------------------------------------------------------------

describe("stream:start_tls", function()
  it("refuses what cannot be, and changes nothing", function()
    local stream, peer = new_pair()
    local function refused(pieces, opts)
      refuses(pieces, stream.start_tls, stream, opts)
    end
    local client = tls.context { ca = path "ca.pem" }
    refused({ "server_name is needed" })
    refused({ "server_name is needed" }, client)
    refused({ "'name'" }, { name = "x" })
    refused({ '"a b" can be no host' }, { server_name = "a b" })
    refused({ "server_name", "zero byte" }, { server_name = "a\0b" })
    refused({ "server_name is for clients" },
      server_options { server_name = "x" })
    refused({ "ca is an option of the context" },
      { context = client, ca = path "ca.pem" })
    refused({ "context", "number 1" }, { context = 1 })
    refused({ "table" }, 5)
    peer:write "plain"
    assert.equal("plain", stream:read())
  end)
end)

describe("tls.client and tls.server", function()
  it("are start_tls for one side", function()
    local stream, peer = pair()
    local outcomes = weft.gather {
      function() return tls.client(stream, client_options()) end,
      function() return tls.server(peer, server_options { server = false }) end,
    }
    assert.equal(stream, outcomes[1])
    assert.equal(peer, outcomes[2])
    close_both(stream, peer)
  end)

  it("refuse the other", function()
    local stream = new_pair()
    refuses({ "a server's" }, tls.client, stream,
      tls.context(server_options()))
    refuses({ "a client's" }, tls.server, stream, tls.context())
    refuses({ "are for clients" }, tls.server, stream, { server = false })
  end)
end)

describe("tls.connector and tls.accept", function()
  it("take the host for the name", function()
    local stream, peer = pair()
    local context = tls.server_context(server_options())
    weft.gather {
      function()
        assert.equal(stream,
          tls.connector({ ca = path "ca.pem" }, "localhost")(stream))
      end,
      function() tls.accept(peer, context) end,
    }
    assert.equal("localhost", peer:tls().server_name)
    close_both(stream, peer)
  end)

  it("close the stream when they fail", function()
    local stream, peer = pair()
    local context = tls.server_context(server_options())
    local outcomes = weft.gather({
      function() tls.connector(true, "localhost")(stream) end,
      function() tls.accept(peer, context) end,
    }, { return_errors = true })
    check_tls_error(outcomes[1], "UNKNOWN_ISSUER")
    check_tls_error(outcomes[2], "TLS_ALERT")
    local err = fails("ClosedError", stream.read, stream)
    assert.equal("stream:read: the stream is closed", err.message)
    fails("ClosedError", peer.read, peer)
  end)

  it("close it when they are cancelled", function()
    local stream, peer = pair()
    loopback.assert_cancelled(parked(tls.connector(true, "localhost"), stream))
    fails("ClosedError", stream.read, stream)
    peer:exit(true)
  end)

  it("wait for a client a minute, or as long as is said",
    testing.virtual(function()
      for _, limit in ipairs { false, 5 } do
        local stream, peer = pair()
        local context = tls.server_context(server_options {
          handshake_timeout = limit,
        })
        local before = weft.now()
        fails("TimeoutError", tls.accept, peer, context)
        assert.equal(limit or 60, weft.now() - before)
        fails("ClosedError", peer.read, peer)
        stream:exit(true)
      end
    end))

  it("check what they are given before anything is begun", function()
    refuses({ "net.connect: tls", "'x'" }, tls.connector, { x = 1 }, "host")
    refuses({ "net.connect: tls", "a server's" }, tls.connector,
      tls.context(server_options()), "host")
    refuses({ "net.connect: tls", "server_name" }, tls.connector, true)
    refuses({ "net.listen: tls", "a client's" }, tls.server_context,
      tls.context())
    refuses({ "net.listen: tls", "needs a cert" }, tls.server_context, {})
    refuses({ "net.listen: tls", "'x'" }, tls.server_context, { x = 1 })
  end)
end)

describe("net.connect and net.listen with tls", function()
  local function listen(changes)
    return net.listen {
      host = "127.0.0.1", port = 0,
      tls = server_options(changes or { server = false }),
    }
  end

  local function connect(listener, opts)
    return net.connect {
      host = "127.0.0.1", port = listener:port(), tls = opts,
    }
  end

  it("speak TLS, for the address that was asked for", function()
    local listener = listen()
    local outcomes = weft.gather {
      function()
        local stream = connect(listener, { ca = path "ca.pem" })
        local line = stream:read_line()
        stream:close()
        return line
      end,
      function()
        local peer = listener:accept()
        peer:write(peer:tls().version, "\n")
        peer:close()
      end,
    }
    assert.equal("TLSv1.3", outcomes[1])
    listener:close()
  end)

  it("refuse what is wrong before they connect or listen", function()
    refuses({ "net.connect: tls", "'x'" }, net.connect,
      { host = "127.0.0.1", port = 1, tls = { x = 1 } })
    refuses({ "net.listen: tls", "needs a cert" }, listen,
      { cert = false, key = false })
  end)

  it("serve others while a client says nothing", function()
    local listener = listen()
    weft.group(function(g)
      g:spawn(listener.serve, listener, function(stream)
        stream:write(stream:read_line(), "\n")
      end)
      local silent = net.connect { host = "127.0.0.1", port = listener:port() }
      for i = 1, 3 do
        local stream = connect(listener, { ca = path "ca.pem" })
        stream:write(tostring(i), "\n")
        assert.equal(tostring(i), stream:read_line())
        stream:close()
      end
      silent:close()
      listener:close()
    end)
    check_tls_error(testing.reports()[1].err, "TLS_TRUNCATED")
  end)

  it("go on after a client that is refused, and report it [26.4]", function()
    local listener = listen()
    weft.group(function(g)
      g:spawn(listener.serve, listener, function(stream)
        stream:write "served\n"
      end)
      check_tls_error(fails("TLSError", connect, listener, true),
        "UNKNOWN_ISSUER")
      local stream = connect(listener, { ca = path "ca.pem" })
      assert.equal("served", stream:read_line())
      stream:close()
      listener:close()
    end)
    local reports = testing.reports()
    assert.equal(1, #reports)
    check_tls_error(reports[1].err, "TLS_ALERT", {}, "unknown CA")
  end)
end)
