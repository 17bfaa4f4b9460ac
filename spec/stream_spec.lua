-- Streams: reading from connections and closing them. Both ends are in this
-- process, so what one has written is in the kernel when write returns.
local string_buffer = require "string.buffer"
local weft = require "weft"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local MUCH = loopback.MUCH
local error_of = helper.error_of
local pair, new_pair = loopback.pair, loopback.new_pair
local with_writing_pair = loopback.with_writing_pair
local reset, drain = loopback.reset, loopback.drain
local settle, parked = loopback.settle, loopback.parked
local assert_fails = loopback.assert_fails
local assert_cancelled = loopback.assert_cancelled

-- A describe for each kind of stream.
local function describe_kinds(name, body)
  for _, kind in ipairs(loopback.KINDS) do
    describe(("%s (%s)"):format(name, kind.name), function()
      setup(function() loopback.use(kind) end)
      teardown(function() loopback.use() end)
      body(kind)
    end)
  end
end

-- -- The five cases ----------------------------------------------------------

local function finish(peer)
  peer:write "line"
  peer:shutdown()
end

local function read_into(stream)
  local buffer = string_buffer.new()
  local count = stream:read_into(buffer)
  assert.equal(count or 0, #buffer)
  return count and buffer:tostring()
end

-- name, the call, what makes its result, and that. `half` is part of the
-- result that comes before: the call has to wait all the same.
local reads = {
  { "read", function(s) return s:read() end,
    function(peer) peer:write "abc" end, "abc" },
  { "read_into", read_into, function(peer) peer:write "abc" end, "abc" },
  { "read_exactly", function(s) return s:read_exactly(6) end,
    function(peer) peer:write "def" end, "abcdef", half = "abc" },
  { "read_until", function(s) return s:read_until "--" end,
    function(peer) peer:write "-" end, "abc--", half = "abc-" },
  { "read_line", function(s) return s:read_line() end,
    function(peer) peer:write "def\n" end, "abcdef", half = "abc" },
  { "read_all", function(s) return s:read_all() end, finish, "a line",
    half = "a " },
  { "lines", function(s) return s:lines()(s) end,
    function(peer) peer:write "\n" end, "line", half = "line" },
}

local function describe_read(name, call, feed, expected, half)
  local function begin(peer)
    if half then peer:write(half) end
  end

  describe_kinds("stream:" .. name, function()
    it("returns what is there [25.5]", function()
      local stream, peer = new_pair()
      begin(peer)
      feed(peer)
      settle()
      assert.equal(expected, call(stream))
    end)

    it("parks until it has come [25.5]", function()
      local stream, peer = new_pair()
      begin(peer)
      local task = parked(call, stream)
      feed(peer)
      assert.equal(expected, task:await())
    end)

    it("loses no byte when it is cancelled [25.5]", function()
      local stream, peer = new_pair()
      begin(peer)
      local task = parked(call, stream)
      assert_cancelled(task)
      feed(peer)
      assert.equal(expected, call(stream))
    end)

    it("loses no byte when its time is up [25.5]", testing.virtual(function()
      local stream, peer = new_pair()
      begin(peer)
      assert_fails("TimeoutError", weft.timeout, 1, function()
        return call(stream)
      end)
      feed(peer)
      assert.equal(expected, call(stream))
    end))

    it("gets ClosedError when the stream is closed [25.11]", function()
      local stream, peer = new_pair()
      begin(peer)
      local task = parked(call, stream)
      stream:close()
      assert_fails("ClosedError", task.await, task)
      assert_fails("ClosedError", call, stream)
    end)

    it("is a cancellation point with its bytes there [25.5]", function()
      local stream, peer = new_pair()
      begin(peer)
      feed(peer)
      settle()
      weft.scope(function(scope)
        scope:cancel()
        assert_fails("CancelledError", call, stream)
      end)
      assert.equal(expected, call(stream))
    end)

    it("raises Cancelled first on a closed stream [25.11]", function()
      local stream, peer = pair()
      stream:close()
      peer:close()
      weft.scope(function(scope)
        scope:cancel()
        assert_fails("CancelledError", call, stream)
      end)
    end)

    it("delivers what came before a cancellation [25.5]", function()
      local stream, peer = new_pair()
      begin(peer)
      local task = parked(call, stream)
      feed(peer)
      loopback.await_bytes(stream, peer)
      loopback.poll() -- it woke the task, which has not run
      assert.is_true(task:cancel())
      local ok, result = pcall(task.await, task)
      -- The end may come by a poll of its own, too late for read_all.
      assert.is_true(ok or name == "read_all")
      assert.equal(expected, ok and result or call(stream))
    end)

    it("refuses a second reader and goes on [25.7]", function()
      local stream, peer = new_pair()
      begin(peer)
      local task = parked(call, stream)
      for _, other in ipairs(reads) do
        assert_fails("BusyError", other[2], stream)
      end
      feed(peer)
      assert.equal(expected, task:await())
    end)

    it("goes on in a user's coroutine", function()
      local stream, peer = new_pair()
      begin(peer)
      local task = parked(function()
        return coroutine.wrap(function() return call(stream) end)()
      end)
      feed(peer)
      assert.equal(expected, task:await())
    end)
  end)
end

for _, case in ipairs(reads) do
  describe_read(case[1], case[2], case[3], case[4], case.half)
end

-- -- Reading -----------------------------------------------------------------

describe_kinds("reading", function(kind)
  -- Where a connection can break.
  local it_duplex = kind.duplex and it or function() end

  it("gives 1 to n bytes, then nil for ever [25.1]", function()
    local stream, peer = new_pair()
    peer:write "abcde"
    peer:shutdown()
    assert.equal("ab", stream:read(2))
    assert.equal("cd", stream:read(2))
    assert.equal("e", stream:read(2))
    assert.is_nil(stream:read(2))
    assert.is_nil(stream:read())
  end)

  it("takes no n but whole numbers above 0 [25.1]", function()
    local stream = new_pair()
    for _, n in ipairs { 0, -1, 1.5, 0 / 0, 1 / 0, "3", true } do
      assert_fails("ArgumentError", stream.read, stream, n)
    end
  end)

  it("raises what a short read_exactly got, and empties [25.2]", function()
    local stream, peer = new_pair()
    peer:write "abc"
    peer:shutdown()
    local err = assert_fails("IncompleteReadError", stream.read_exactly,
      stream, 10)
    assert.is_true(err:is "EndOfStream")
    assert.equal("abc", err.partial)
    assert.equal(10, err.expected)
    assert.is_nil(stream:read())
  end)

  it("reads exactly nothing at once, at the end too [25.2]", function()
    local stream, peer = new_pair()
    assert.equal("", stream:read_exactly(0))
    peer:shutdown()
    assert.is_nil(stream:read())
    assert.equal("", stream:read_exactly(0))
    assert_fails("ArgumentError", stream.read_exactly, stream, -1)
    assert_fails("ArgumentError", stream.read_exactly, stream)
    weft.scope(function(scope)
      scope:cancel()
      assert_fails("CancelledError", stream.read_exactly, stream, 0)
    end)
    stream:close()
    assert_fails("ClosedError", stream.read_exactly, stream, 0)
  end)

  it("reads exactly more than is read ahead [25.2]", function()
    local stream, peer = new_pair()
    local writer = weft.spawn(peer.write, peer, MUCH)
    assert.equal(MUCH, stream:read_exactly(#MUCH))
    writer:await()
  end)

  it("finds a separator that comes in pieces [25.3]", function()
    local stream, peer = new_pair()
    local task = parked(stream.read_until, stream, "aab")
    for piece in ("a aa a aaab,tail"):gmatch "%S+" do
      assert.is_false(task:done())
      peer:write(piece)
      settle()
    end
    assert.equal("aaaaaaab", task:await())
    assert.equal(",tail", stream:read())
  end)

  it("lets just so many bytes precede a separator [25.3]", function()
    local stream, peer = new_pair()
    peer:write "12345--rest"
    assert.equal("12345--", stream:read_until("--", 5))
    peer:write "--"
    local err = assert_fails("LimitOverrunError", stream.read_until, stream,
      "--", 3)
    assert.equal(4, err.consumed)
    assert.equal("rest--", stream:read_until("--", 4))
    peer:write "--"
    assert.equal("--", stream:read_until("--", 0))
  end)

  it("overruns without a separator, the buffer as it was [25.3]", function()
    local stream, peer = new_pair()
    peer:write "1234"
    local task = parked(stream.read_until, stream, "--", 4)
    peer:write "-"
    settle()
    assert.is_false(task:done()) -- it may still be the separator's half
    peer:write "6"
    local err = assert_fails("LimitOverrunError", task.await, task)
    assert.equal(5, err.consumed)
    assert.equal("1234-", stream:read_exactly(err.consumed))
    assert.equal("6", stream:read())
  end)

  it("allows 64 KiB before a separator, no more [25.3]", function()
    local stream, peer = new_pair()
    local line = ("x"):rep(64 * 1024)
    weft.spawn(peer.write, peer, line, ";", line, "x;")
    assert.equal(line .. ";", stream:read_until ";")
    assert_fails("LimitOverrunError", stream.read_until, stream, ";")
    assert.equal(line .. "x;", stream:read_until(";", 1 / 0))
  end)

  it("raises what came when the end precedes a separator [25.3]", function()
    local stream, peer = new_pair()
    peer:write "abc-"
    peer:shutdown()
    local err = assert_fails("IncompleteReadError", stream.read_until, stream,
      "--")
    assert.equal("abc-", err.partial)
    err = assert_fails("IncompleteReadError", stream.read_until, stream, "--")
    assert.equal("", err.partial)
  end)

  it("takes no empty separator and no odd limit [25.3]", function()
    local stream = new_pair()
    assert_fails("ArgumentError", stream.read_until, stream, "")
    assert_fails("ArgumentError", stream.read_until, stream)
    assert_fails("ArgumentError", stream.read_until, stream, ";", -1)
    assert_fails("ArgumentError", stream.read_until, stream, ";", 0 / 0)
    assert_fails("ArgumentError", stream.read_until, stream, ";", "9")
  end)

  it("gives lines, the unfinished last one, then nil [25.4]", function()
    local stream, peer = new_pair()
    peer:write "one\n\ntwo\r\nthree"
    peer:shutdown()
    assert.equal("one", stream:read_line())
    assert.equal("", stream:read_line())
    assert.equal("two\r", stream:read_line())
    assert.equal("three", stream:read_line())
    assert.is_nil(stream:read_line())
  end)

  it("overruns on a line of more than 64 KiB [25.4]", function()
    local stream, peer = new_pair()
    local line = ("x"):rep(64 * 1024)
    local writer = weft.spawn(peer.write, peer, line, "\n", line, "x\n")
    assert.equal(line, stream:read_line())
    local err = assert_fails("LimitOverrunError", stream.read_line, stream)
    assert.equal(64 * 1024 + 1, err.consumed)
    writer:await()
  end)

  it("iterates over lines up to the end [25.4]", function()
    local stream, peer = new_pair()
    peer:write "a\nb\n\nc"
    peer:shutdown()
    local seen = {}
    for line in stream:lines() do seen[#seen + 1] = line end
    assert.same({ "a", "b", "", "c" }, seen)
  end)

  it("reads all to the end without a limit [25.4]", function()
    local stream, peer = new_pair()
    local writer = weft.spawn(function()
      peer:write(MUCH)
      peer:shutdown()
    end)
    assert.equal(MUCH, stream:read_all())
    assert.equal("", stream:read_all())
    writer:await()
  end)

  it("keeps all bytes of a cancelled read_all [25.5]", function()
    local stream, peer = new_pair()
    local writer = weft.spawn(peer.write, peer, MUCH)
    local reader = parked(stream.read_all, stream)
    assert_cancelled(reader)
    writer:await()
    assert.equal(MUCH, stream:read_exactly(#MUCH))
  end)

  it_duplex("delivers what came before an error [25.6]", function()
    local stream, peer = new_pair()
    peer:write "abcdef"
    assert.equal("ab", stream:read_exactly(2))
    reset(stream, peer)
    local err = assert_fails("OSError", stream.read_exactly, stream, 5)
    assert.equal("ECONNRESET", err.code)
    assert.equal("cdef", stream:read())
    assert.equal("ECONNRESET", error_of(stream.read, stream).code)
    assert.equal("ECONNRESET", error_of(stream.read_all, stream).code)
  end)

  it_duplex("fails a waiting read when the peer resets [25.6]", function()
    local stream, peer = new_pair()
    peer:write "unfinished line"
    local task = parked(stream.read_line, stream)
    reset(stream, peer)
    assert.equal("ECONNRESET", error_of(task.await, task).code)
    assert.equal("unfinished line", stream:read())
  end)

  it("stops reading from the peer above 64 KiB unread [25.6]", function()
    local stream, peer = new_pair()
    local writer = weft.spawn(function()
      peer:write(MUCH)
      peer:flush()
    end)
    assert.equal("0", stream:read(1))
    for _ = 1, 100 do weft.yield() end
    assert.is_false(writer:done())
    assert.is_true(#stream:read() <= 128 * 1024)
    assert_cancelled(writer)
  end)

  it("is one reader's until that one has run [25.7]", function()
    local stream, peer = new_pair()
    local task = parked(stream.read, stream, 2)
    peer:write "abcd"
    loopback.await_bytes(stream, peer)
    loopback.poll() -- it has woken the reader, which is behind this task
    assert.is_false(task:done())
    assert_fails("BusyError", stream.read, stream)
    assert.equal("ab", task:await())
    assert.equal("cd", stream:read())
  end)

  it("checks for a second reader before Cancelled [25.7]", function()
    local stream, peer = new_pair()
    local task = parked(stream.read, stream)
    weft.scope(function(scope)
      scope:cancel()
      assert_fails("BusyError", stream.read, stream)
    end)
    peer:write "x"
    assert.equal("x", task:await())
  end)

  it("yields the turn when the run budget is used up [25.1]", function()
    local stream, peer = new_pair()
    peer:write(("x"):rep(1000))
    assert.equal("x", stream:read_exactly(1))
    local other = weft.spawn(function() end)
    for _ = 2, 1000 do assert.equal("x", stream:read(1)) end
    assert.is_true(other:done())
  end)
end)

-- -- Closing -----------------------------------------------------------------

describe_kinds("stream:close", function()
  it("flushes first [25.11]", function()
    local stream, peer = new_pair(true)
    stream:write(MUCH)
    local task = parked(stream.close, stream)
    assert_fails("ClosedError", stream.write, stream, "x")
    assert.equal(#MUCH, (drain(peer)))
    task:await()
  end)

  it("does nothing the second time, nor without a runtime [25.11]",
    testing.plain(function()
      local stream
      weft.run(function()
        with_writing_pair(function(s)
          stream = s
          s:close()
          s:close()
        end)
      end)
      stream:close()
      stream:exit()
      stream:exit("an error")
    end))

  it("drops what is unsent in cancelled code [25.11]", function()
    local stream, peer = new_pair(true)
    stream:write(MUCH)
    weft.scope(function(scope)
      scope:cancel()
      stream:close() -- returns: it is no cancellation point
    end)
    local ok, size = pcall(drain, peer)
    assert.is_true(not ok or size < #MUCH)
  end)

  it("is cut short by a cancellation, and returns [25.11]", function()
    local stream, peer = new_pair(true)
    stream:write(MUCH)
    local returned = false
    local task = parked(function()
      stream:close()
      returned = true
    end)
    task:cancel()
    settle()
    assert.is_true(returned)
    local ok, size = pcall(drain, peer)
    assert.is_true(not ok or size < #MUCH)
  end)

  it("raises no old error of the connection [25.11]", function()
    local stream, peer = new_pair(true)
    reset(stream, peer)
    assert_fails("OSError", stream.write, stream, "x")
    stream:close()
  end)

  it("says so where it cannot wait, and closes later [25.11]", function()
    local stream = new_pair(true)
    local err = assert_fails("InvalidStateError", string.gsub, "x", "x",
      function() stream:close() end)
    assert.is_truthy(err.message:find("gsub", 1, true))
    stream:write "still open"
    stream:close()
  end)

  it("flushes at most 5 s at the end of a with [25.11]",
    testing.virtual(function()
      local stream, peer = new_pair(true)
      assert.equal(stream, stream:enter())
      stream:write(MUCH)
      local began = weft.now()
      stream:exit()
      assert.equal(5, weft.now() - began)
      local ok, size = pcall(drain, peer)
      assert.is_true(not ok or size < #MUCH)
    end))

  it("flushes in the 5 s also where it is cancelled [25.11]", function()
    local stream, peer = new_pair(true)
    stream:write(MUCH)
    local reader = weft.spawn(drain, peer)
    weft.scope(function(scope)
      scope:cancel()
      stream:exit()
    end)
    assert.equal(#MUCH, (reader:await()))
  end)

  it("does not flush at a with's end by an error [25.11]",
    testing.virtual(function()
      local stream, peer = new_pair(true)
      stream:write(MUCH)
      local began = weft.now()
      stream:exit(weft.Error "failed")
      assert.equal(began, weft.now())
      local ok, size = pcall(drain, peer)
      assert.is_true(not ok or size < #MUCH)
    end))
end)

describe_kinds("a stream", function(kind)

  it("is closed and reported when it is collected [25.12]", function()
    local stream, peer = pair(true)
    local address = kind.duplex and stream:local_address() or "a pipe"
    stream = nil
    collectgarbage()
    collectgarbage()
    assert.is_nil(peer:read())
    assert.is_nil(stream)
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(report.UNCLOSED, reports[1].kind)
    assert.is_truthy(reports[1].err.message:find(address, 1, true))
    peer:close()
  end)

  it("is not reported when it was closed [25.12]", function()
    local stream, peer = pair(true)
    stream:close()
    peer:exit "an error"
    stream, peer = nil, nil
    collectgarbage()
    collectgarbage()
    settle()
    assert.is_nil(stream or peer)
    assert.same({}, testing.reports())
  end)

  it("stays open while a task waits on it [25.12]", function()
    local _, peer = new_pair(true)
    local inner, inner_peer = pair()
    local task = parked(function(s)
      local bytes = s:read()
      s:close()
      return bytes
    end, inner)
    inner = nil
    collectgarbage()
    collectgarbage()
    settle()
    assert.is_nil(inner)
    inner_peer:write "alive"
    assert.equal("alive", task:await())
    inner_peer:close()
    peer:close()
  end)

  it("is of no use after its runtime's end", testing.plain(function()
    local stream
    weft.run(function()
      local peer
      stream, peer = pair(true)
      peer:close()
    end)
    weft.run(function()
      with_writing_pair(function(other, peer)
        assert_fails("ClosedError", stream.write, stream, "x")
        assert_fails("ClosedError", stream.read, stream)
        stream:close()
        other:write "mine"
        assert.equal("mine", peer:read())
      end)
    end)
  end))

  it("needs a runtime and a task", testing.plain(function()
    local stream
    weft.run(function()
      local peer
      stream, peer = pair(true)
      peer:close()
    end)
    assert_fails("InvalidStateError", stream.read, stream)
    assert_fails("InvalidStateError", stream.write, stream, "x")
    assert_fails("InvalidStateError", stream.peer, stream)
  end))
end)

describe("a stream closed before the woken reader runs", function()
  for _, how in ipairs { "close", "abort" } do
    it("gives what the read was woken for, then is closed, by " .. how
      .. " [3.4]", testing.virtual(function()
      local near, far = testing.stream_pair()
      local results = {}
      local reader = weft.spawn(function()
        results[1] = near:read()
        results[2] = helper.error_of(near.read, near)
      end)
      weft.yield()
      far:write "hello"
      while near:statistics().unread == 0 do weft.yield() end
      assert.is_nil(results[1])
      if how == "close" then near:close() else near:exit("an error") end
      reader:await()
      assert.equal("hello", results[1])
      assert.is_true(results[2]:is "ClosedError")
      far:close()
    end))
  end

  it("gives what came before the end [3.4]", testing.virtual(function()
    local near, far = testing.stream_pair()
    local reader = weft.spawn(near.read_all, near)
    weft.yield()
    far:write "hello"
    far:close()
    while not tostring(reader):find "ready" do weft.yield() end
    near:close()
    assert.equal("hello", reader:await())
  end))

  it("ends a read that has too few bytes yet [8]", testing.virtual(function()
    local near, far = testing.stream_pair()
    local reader = weft.spawn(function()
      return helper.error_of(near.read_exactly, near, 6)
    end)
    weft.yield()
    far:write "hello"
    while near:statistics().unread == 0 do weft.yield() end
    near:close()
    assert.is_true(reader:await():is "ClosedError")
    far:close()
  end))
end)
