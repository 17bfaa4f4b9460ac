-- Streams: of descriptors, their addresses, options and figures, and what an
-- error says.
local weft = require "weft"
local stream = require "weft.stream"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local refuses, fails = helper.refuses, helper.fails
local pair, new_pair = loopback.pair, loopback.new_pair

local UNIX, PIPES = loopback.KINDS[2], loopback.KINDS[3]

-- Calls body with the ends of a pair of the kind.
local function with_kind(kind, body)
  loopback.use(kind)
  local first, second = pair()
  loopback.use()
  body(first, second)
  first:exit(true)
  second:exit(true)
end

local function says(err, text)
  assert.is_truthy(err.message:find(text, 1, true),
    ("no '%s' in: %s"):format(text, err.message))
end

describe("stream.open", function()
  it("makes a stream of a descriptor", function()
    with_kind(UNIX, function(first, second)
      first:write "over"
      assert.equal("over", second:read())
    end)
  end)

  it("refuses what is no descriptor, or none of a stream", function()
    for _, value in ipairs { -1, 1.5, 2 ^ 31, "1", {} } do
      refuses({ "descriptor must be a whole number" }, stream.open, value)
    end
    refuses({ "descriptor must be a whole number" }, stream.open)
    refuses({ "descriptor 987 is not open" }, stream.open, 987)
    local file = io.open("/proc/self/stat")
    local err = fails("OSError", stream.open, loopback.fileno(file))
    file:close()
    assert.equal("ENOTSUP", err.code)
    says(err, "is a file")
  end)

  it("reads from a pipe, or writes to it, not both", function()
    with_kind(PIPES, function(reader, writer)
      local err = fails("OSError", reader.write, reader, "x")
      assert.equal("ENOTSUP", err.code)
      says(err, "stream:write: it is a pipe's end that is only read from")
      err = fails("OSError", writer.read, writer)
      assert.equal("ENOTSUP", err.code)
      says(err, "stream:read: it is a pipe's end that is only written to")
      err = fails("OSError", reader.shutdown, reader)
      says(err, "stream:shutdown: this end of a pipe")
      writer:write "one way"
      writer:shutdown()
      assert.equal("one way", reader:read_all())
    end)
  end)
end)

describe("a stream's addresses", function()
  it("are those of both ends while it is open", function()
    local first, second = new_pair()
    assert.equal(first:local_address(), second:peer())
    assert.equal(second:local_address(), first:peer())
    assert.is_truthy(first:peer():match "^127%.0%.0%.1:%d+$")
    first:close()
    says(fails("ClosedError", first.peer, first), "stream:peer: the stream")
    says(fails("ClosedError", first.local_address, first), "local_address")
  end)

  it("are unix: without a path, and nothing of a pipe", function()
    with_kind(UNIX, function(first)
      assert.equal("unix:", first:peer())
      assert.equal("unix:", first:local_address())
    end)
    with_kind(PIPES, function(first, second)
      assert.equal("", first:peer())
      assert.equal("", second:local_address())
    end)
  end)

  it("are gone with the connection, the peer's", function()
    local first, second = new_pair()
    loopback.reset(first, second)
    fails("OSError", first.read, first)
    assert.equal("ENOTCONN", fails("OSError", first.peer, first).code)
  end)
end)

describe("a stream's options", function()
  it("can be set on TCP, and are refused elsewhere", function()
    loopback.with_pair(function(tcp)
      tcp:set_nodelay(false)
      tcp:set_nodelay(true)
      tcp:set_keepalive(0.5)
      tcp:set_keepalive(32767)
      tcp:set_keepalive(nil)
      tcp:set_keepalive(math.huge)
      tcp:close()
      fails("ClosedError", tcp.set_nodelay, tcp, true)
      fails("ClosedError", tcp.set_keepalive, tcp, 1)
    end)
    with_kind(UNIX, function(other)
      local err = fails("OSError", other.set_nodelay, other, true)
      assert.equal("ENOTSUP", err.code)
      says(err, "stream:set_nodelay: the stream is no TCP connection")
      err = fails("OSError", other.set_keepalive, other, 1)
      assert.equal("ENOTSUP", err.code)
    end)
  end)

  it("take no odd values", function()
    local tcp = new_pair()
    refuses({ "on must be a boolean, got nil" }, tcp.set_nodelay, tcp)
    refuses({ "got number" }, tcp.set_nodelay, tcp, 1)
    for _, seconds in ipairs { 0, -1, 0 / 0, 32768, "1", true } do
      refuses({ "seconds must be a number above 0, at most 32767" },
        tcp.set_keepalive, tcp, seconds)
    end
  end)
end)

describe("stream:statistics", function()
  it("tells what is unread and unsent", function()
    local first, second = new_pair()
    assert.same({ unread = 0, unsent = 0 }, first:statistics())
    second:write "hello"
    first:read(1)
    assert.same({ unread = 4, unsent = 0 }, first:statistics())
    first:write(loopback.MUCH)
    assert.is_true(first:statistics().unsent > 0)
    first:exit(true)
    fails("ClosedError", first.statistics, first)
  end)
end)

describe("stream:is_terminal", function()
  it("is false of a connection", function()
    local first = new_pair()
    assert.is_false(first:is_terminal())
    first:close()
    fails("ClosedError", first.is_terminal, first)
  end)
end)

describe("the errors of a stream", function()
  it("say what is closed, and who is busy [25.7]", function()
    local first, second = new_pair()
    local reader = loopback.parked(first.read_line, first)
    says(fails("BusyError", first.read, first),
      "stream:read: another task is reading from the stream")
    second:write "\n"
    assert.equal("", reader:await())
    first:close()
    for call, args in pairs { read = {}, read_exactly = { 1 }, read_line = {},
      read_until = { "x" }, read_all = {}, write = { "x" }, flush = {},
      shutdown = {} } do
      says(fails("ClosedError", first[call], first, unpack(args)),
        ("stream:%s: the stream is closed"):format(call))
    end
  end)

  it("say which limit a line is over [25.4]", function()
    local first, second = new_pair()
    second:write "12345\n123\n1234\n"
    local err = fails("LimitOverrunError", first.read_line, first, 4)
    says(err, "stream:read_line: no separator within 4 bytes")
    assert.equal(5, err.consumed)
    assert.equal("12345", first:read_line(5))
    local lines = first:lines(3)
    assert.equal("123", lines())
    assert.equal(4, fails("LimitOverrunError", lines).consumed)
    for _, limit in ipairs { -1, 0 / 0, "9", {} } do
      refuses({ "stream:read_line(limit): limit" }, first.read_line, first,
        limit)
      refuses({ "stream:lines(limit): limit" }, first.lines, first, limit)
    end
  end)
end)

describe("a stream", function()
  it("is a resource: a with closes it [25.11]", function()
    local first, second = new_pair()
    weft.with(first, function(s) s:write "bye" end)
    assert.equal("bye", second:read_all())
    fails("ClosedError", first.write, first, "x")
  end)
end)
