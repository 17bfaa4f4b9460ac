-- A stream with faults, over connections of each kind.
local weft = require "weft"
local clock = require "weft.testing.clock"
local faulty = require "weft.testing.faulty"
local finalizers = require "weft.testing.finalizers"
local testing = require "weft.testing"
local loopback = require "spec.loopback"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses
local wait_all_parked = clock.wait_all_parked

testing.options { virtual = true }

-- A faulty stream, the peer of the one it is made of, and that; at the end of
-- the test nothing of it may be left.
local function new_faulty(given)
  local inner, peer = loopback.pair()
  local stream = faulty.new(inner, given)
  testing.defer(function()
    stream:exit(true)
    peer:exit(true)
    clock.new():advance(60) -- ends may be delayed
    assert.equal(1, #weft.all_tasks())
    fails("ClosedError", inner.statistics, inner)
  end)
  return stream, peer, inner
end

for _, kind in ipairs(loopback.KINDS) do
  if kind.duplex then
    describe("a faulty stream (" .. kind.name .. ")", function()
      setup(function() loopback.use(kind) end)
      teardown(function() loopback.use() end)

      it("without a fault does what the stream does", function()
        local stream, peer = new_faulty()
        stream:write("a ", "line\nmore")
        assert.equal("a line", peer:read_line())
        assert.equal("more", peer:read_exactly(4))
        peer:write "answer"
        assert.equal("answer", stream:read_exactly(6))
        stream:shutdown()
        assert.is_nil(peer:read())
        peer:write "last"
        peer:shutdown()
        assert.equal("last", stream:read_all())
        assert.equal(0, weft.now())
      end)

      it("carries much, both ways at once, without losing a byte", function()
        local stream, peer = new_faulty()
        local bytes = loopback.MUCH:sub(1, 1024 * 1024)
        local function send_and_read(own)
          return function()
            weft.gather { function()
              own:write(bytes)
              own:shutdown()
            end, function()
              assert.is_true(bytes == own:read_all())
            end }
          end
        end
        weft.gather { send_and_read(stream), send_and_read(peer) }
        assert.equal(0, weft.now())
      end)

      it("holds the writer up if its peer does not read", function()
        local stream, peer = new_faulty()
        local writer = weft.spawn(function()
          while true do stream:write(("x"):rep(65536)) end
        end)
        wait_all_parked()
        assert.is_false(writer:done())
        writer:cancel()
        wait_all_parked()
        assert.is_true(#peer:read_exactly(65536) > 0)
      end)

      it("closes the stream behind what was written", function()
        local stream, peer, inner = new_faulty()
        stream:write "bye"
        stream:close()
        wait_all_parked()
        assert.equal("bye", peer:read_all())
        fails("ClosedError", inner.read, inner)
        fails("ClosedError", stream.read, stream)
      end)

      it("closes it also where its sending side ended before", function()
        local stream, peer, inner = new_faulty()
        stream:shutdown()
        assert.is_nil(peer:read())
        stream:close()
        wait_all_parked()
        fails("ClosedError", inner.read, inner)
      end)

      it("reads the peer's end, and a reset of the peer's", function()
        local stream, peer, inner = new_faulty()
        peer:write "before"
        wait_all_parked()
        loopback.reset(inner, peer)
        wait_all_parked()
        assert.equal("before", stream:read())
        local err = fails("OSError", stream.read, stream)
        assert.equal("ECONNRESET", err.code)
        fails("OSError", stream.write, stream, "x")
      end)
    end)
  end
end

describe("a faulty stream", function()
  it("delays both ways, on the test's clock", function()
    local stream, peer = new_faulty { delay = 2 }
    stream:write "there"
    assert.equal("there", peer:read())
    assert.equal(2, weft.now())
    peer:write "back"
    assert.equal("back", stream:read())
    assert.equal(4, weft.now())
  end)

  it("has faults of one way alone", function()
    local stream, peer = new_faulty { reading = { delay = 5, split = 3 } }
    stream:write "there"
    peer:read()
    assert.equal(0, weft.now())
    peer:write "abcd"
    assert.equal("abc", stream:read())
    assert.equal("d", stream:read())
    assert.equal(5, weft.now())
  end)

  it("lets a way's own faults come before those of both", function()
    local stream, peer = new_faulty { delay = 3, writing = { delay = 1 } }
    stream:write "x"
    peer:read()
    assert.equal(1, weft.now())
    peer:write "x"
    stream:read()
    assert.equal(4, weft.now())
  end)

  it("resets after so many bytes were read, and the peer hears of it",
    function()
      local stream, peer = new_faulty { reading = { reset_after = 5 } }
      peer:write "0123456789"
      assert.equal("01234", stream:read())
      local err = fails("OSError", stream.read, stream)
      assert.equal("ECONNRESET", err.code)
      fails("OSError", stream.write, stream, "x")
      wait_all_parked()
      pcall(peer.write, peer, "x")
      local ok, rest = pcall(peer.read, peer)
      assert.is_true(not ok or rest == nil)
    end)

  it("resets after so many bytes were written", function()
    local stream, peer = new_faulty { writing = { reset_after = 5 } }
    stream:write "0123456789"
    assert.equal("01234", peer:read_exactly(5))
    fails("OSError", stream.read, stream)
    fails("OSError", stream.write, stream, "x")
    local ok, rest = pcall(peer.read, peer)
    assert.is_true(not ok or rest == nil)
  end)

  it("cuts off what is read", function()
    local stream, peer = new_faulty { reading = { truncate_after = 4 } }
    peer:write "half a line\n"
    local err = fails("IncompleteReadError", stream.read_until, stream, "\n")
    assert.equal("half", err.partial)
  end)

  it("cancelled while it reads loses no byte [25.5]", function()
    local stream, peer = new_faulty { split = 3, reading = { delay = 1 } }
    peer:write "0123456789"
    fails("TimeoutError", weft.timeout, 1.5, function()
      stream:read_exactly(20)
    end)
    assert.equal("0123456789", stream:read_exactly(10))
  end)

  it("is one reader's [25.7]", function()
    local stream, peer = new_faulty()
    local reader = weft.spawn(stream.read, stream)
    wait_all_parked()
    fails("BusyError", stream.read, stream)
    peer:write "x"
    assert.equal("x", reader:await())
  end)

  it("knows the addresses of its stream", function()
    local stream, peer = new_faulty()
    assert.equal(peer:local_address(), stream:peer())
    assert.equal(peer:peer(), stream:local_address())
    stream:set_nodelay(true)
    stream:set_keepalive(10)
  end)

  it("can be one of another", function()
    local inner, peer = loopback.pair()
    local stream = faulty.new(faulty.new(inner, { delay = 1 }), { delay = 2 })
    peer:write "x"
    assert.equal("x", stream:read())
    assert.equal(3, weft.now())
    stream:close()
    peer:close()
    wait_all_parked()
    finalizers.run()
  end)

  it("is closed with its tasks at the end of the test", function()
    local inner, peer = loopback.pair()
    local stream = faulty.new(inner)
    finalizers.run()
    assert.equal(1, #weft.all_tasks())
    fails("ClosedError", inner.read, inner)
    assert.is_nil(peer:read())
    stream:close() -- is the test's to do
    peer:close()
  end)
end)

describe("calls of a faulty stream", function()
  it("fail when they are told to, and only then", function()
    local stream, peer = new_faulty { fail = { write = 2, read_line = 1 } }
    stream:write "one"
    local err = fails("OSError", stream.write, stream, "two")
    assert.equal("EIO", err.code)
    assert.truthy(err.message:find("stream:write", 1, true))
    stream:write "three"
    assert.equal("onethree", peer:read_exactly(8))
    peer:write "line\n"
    fails("OSError", stream.read_line, stream)
    assert.equal("line", stream:read_line())
  end)

  it("fail with the error that is given, and are cancellation points",
    function()
      local stream = new_faulty {
        fail = { read = 1, flush = 1, error = "own" },
      }
      local scope = weft.scope(function(scope)
        scope:cancel()
        stream:read()
      end)
      assert.is_true(scope:cancelled_caught())
      assert.equal("own", helper.error_of(stream.flush, stream))
    end)
end)

describe("testing.faulty", function()
  it("refuses what is no stream, and no fault", function()
    local inner, peer = loopback.pair()
    refuses({ "stream must be a stream", "number 1" }, faulty.new, 1)
    refuses({ "stream must be a stream" }, faulty.new, {})
    refuses({ "dealy" }, faulty.new, inner, { dealy = 1 })
    refuses({ "delay", "number -1" }, faulty.new, inner, { delay = -1 })
    refuses({ "reading", "number 1" }, faulty.new, inner, { reading = 1 })
    refuses({ "delay", "number -1" }, faulty.new, inner,
      { reading = { delay = -1 } })
    refuses({ "fail", "wirte = 1" }, faulty.new, inner,
      { fail = { wirte = 1 } })
    refuses({ "fail", "write = 0" }, faulty.new, inner,
      { fail = { write = 0 } })
    refuses({ "fail", "number 1" }, faulty.new, inner, { fail = 1 })
    assert.equal(0, finalizers.count())
    inner:close() -- it is still the caller's
    peer:close()
  end)
end)
