-- Streams: writing to connections. Both ends are in this process, so what one
-- has written is in the kernel when write returns.
local weft = require "weft"
local testing = require "weft.testing"
local loopback = require "spec.loopback"

local MUCH, new_pair = loopback.MUCH, loopback.new_pair
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

-- name and call; each waits while MUCH is unsent.
local sends = {
  { "write", function(s) s:write "" end },
  { "flush", function(s) s:flush() end },
  { "shutdown", function(s) s:shutdown() end },
}

local function describe_send(name, call)
  describe_kinds("stream:" .. name, function()
    it("returns at once when nothing is unsent [25.9]", function()
      local stream = new_pair(true)
      local task = weft.spawn(call, stream)
      weft.yield()
      assert.is_true(task:done())
    end)

    it("parks while the peer does not read [25.8]", function()
      local stream, peer = new_pair(true)
      stream:write(MUCH)
      local task = parked(call, stream)
      local reader = weft.spawn(drain, peer)
      task:await()
      stream:close()
      assert.equal(#MUCH, (reader:await()))
    end)

    it("keeps what was written when it is cancelled [25.9]", function()
      local stream, peer = new_pair(true)
      stream:write(MUCH)
      local task = parked(call, stream)
      assert_cancelled(task)
      local reader = weft.spawn(drain, peer)
      stream:close()
      assert.equal(#MUCH, (reader:await()))
    end)

    it("keeps what was written when its time is up [25.9]",
      testing.virtual(function()
        local stream, peer = new_pair(true)
        stream:write(MUCH)
        assert_fails("TimeoutError", weft.timeout, 1, function()
          call(stream)
        end)
        local reader = weft.spawn(drain, peer)
        stream:close()
        assert.equal(#MUCH, (reader:await()))
      end))

    it("gets ClosedError when the stream is closed [25.11]", function()
      local stream, peer = new_pair(true)
      stream:write(MUCH)
      local task = parked(call, stream)
      local reader = weft.spawn(drain, peer)
      stream:close()
      assert_fails("ClosedError", task.await, task)
      assert_fails("ClosedError", call, stream)
      reader:await()
    end)

    it("is a cancellation point when it need not wait [25.8]", function()
      local stream = new_pair(true)
      weft.scope(function(scope)
        scope:cancel()
        assert_fails("CancelledError", call, stream)
      end)
      stream:write "still open"
    end)

    it("fails with the connection, waiting or later [25.9]", function()
      local stream, peer = new_pair(true)
      stream:write(MUCH)
      local task = parked(call, stream)
      peer:close()
      assert_fails("OSError", task.await, task)
      local err = assert_fails("OSError", call, stream)
      assert.is_not_nil(err.code)
    end)
  end)
end

for _, case in ipairs(sends) do describe_send(case[1], case[2]) end

-- -- Writing -----------------------------------------------------------------

describe_kinds("writing", function(kind)
  it("sends its strings as one piece [25.8]", function()
    local stream, peer = new_pair(true)
    stream:write("a", "", "bc", "d")
    assert.equal("abcd", peer:read())
  end)

  it("takes strings only [25.8]", function()
    local stream, peer = new_pair(true)
    assert_fails("ArgumentError", stream.write, stream)
    assert_fails("ArgumentError", stream.write, stream, 1)
    assert_fails("ArgumentError", stream.write, stream, "a", nil)
    assert_fails("ArgumentError", stream.write, stream, "a", {}, "b")
    stream:write "only this"
    assert.equal("only this", peer:read())
  end)

  it("returns with less than 64 KiB unsent, else waits [25.8]", function()
    local stream, peer = new_pair(true)
    stream:write(MUCH) -- all of it, however much
    local writer = parked(stream.write, stream, "tail")
    local reader = weft.spawn(drain, peer)
    writer:await()
    stream:close()
    local size, tail = reader:await()
    assert.equal(#MUCH + 4, size)
    assert.equal("cdeftail", tail)
  end)

  it("takes no byte of a write that was cancelled [25.8]", function()
    local stream, peer = new_pair(true)
    stream:write(MUCH)
    local writer = parked(stream.write, stream, "lost", "too")
    local next_writer = parked(stream.write, stream, "tail")
    writer:cancel()
    local reader = weft.spawn(drain, peer)
    next_writer:await()
    stream:close()
    local size, tail = reader:await()
    assert.equal(#MUCH + 4, size)
    assert.equal("cdeftail", tail)
  end)

  it("serves writers in their order [25.8]", function()
    local stream, peer = new_pair(true)
    stream:write(MUCH)
    for i = 1, 8 do parked(stream.write, stream, tostring(i)) end
    local reader = weft.spawn(drain, peer)
    stream:flush()
    settle()
    stream:close()
    assert.equal("12345678", select(2, reader:await()))
  end)

  it("keeps the string of a parked write alive [25.8]", function()
    local stream, peer = new_pair(true)
    stream:write(MUCH)
    local writer = parked(function()
      stream:write(("y"):rep(100000) .. "end")
    end)
    for _ = 1, 3 do
      collectgarbage()
      assert.equal(100003, #(("z"):rep(100000) .. "end"))
    end
    local reader = weft.spawn(drain, peer)
    writer:await()
    stream:close()
    assert.equal("yyyyyend", select(2, reader:await()))
  end)

  it("serves a peer that reads slowly [25.8]", function()
    local stream, peer = new_pair(true)
    local piece = ("p"):rep(40000)
    local writer = weft.spawn(function()
      for _ = 1, 200 do stream:write(piece) end
      stream:shutdown()
    end)
    local size = 0
    for bytes in function() return peer:read(10000) end do
      size = size + #bytes
      weft.yield()
    end
    assert.equal(200 * 40000, size)
    writer:await()
  end)

  it("fails with OSError on a broken connection [25.9]", function()
    local stream, peer = new_pair(true)
    reset(stream, peer)
    local err = assert_fails("OSError", stream.write, stream, "x")
    assert.is_true(err.code == "ECONNRESET" or err.code == "EPIPE")
    assert_fails("OSError", stream.write, stream, "x")
    assert_fails("OSError", stream.flush, stream)
  end)

  -- Where there is another side.
  local it_duplex = kind.duplex and it or function() end

  it_duplex("ends the sending side only [25.10]", function()
    local stream, peer = new_pair(true)
    stream:write "question"
    stream:shutdown()
    stream:shutdown()
    assert.equal("question", peer:read_all())
    peer:write "answer"
    peer:close()
    assert.equal("answer", stream:read_all())
  end)

  it("refuses to write after shutdown [25.10]", function()
    local stream = new_pair(true)
    stream:shutdown()
    assert_fails("ClosedError", stream.write, stream, "x")
    assert_fails("ClosedError", stream.write, stream, "")
  end)

  it("flushes before the sending side ends [25.10]", function()
    local stream, peer = new_pair(true)
    stream:write(MUCH)
    local task = parked(stream.shutdown, stream)
    assert.equal(#MUCH, (drain(peer)))
    task:await()
  end)
end)
