-- Streams whose peer resets, ends or reads slowly, at every stage.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

local MUCH = loopback.MUCH
local reset, drain = loopback.reset, loopback.drain
local settle, parked = loopback.settle, loopback.parked
local new_pair, fails = loopback.new_pair, helper.fails

-- A describe for each kind of stream that a reset can come on.
local function describe_kinds(name, body)
  for _, kind in ipairs(loopback.KINDS) do
    if kind.duplex then
      describe(("%s (%s)"):format(name, kind.name), function()
        setup(function() loopback.use(kind) end)
        teardown(function() loopback.use() end)
        body(kind)
      end)
    end
  end
end

-- What a reset is called by whoever it is told first, and then.
local function is_broken(err)
  assert.is_true(err:is "OSError")
  assert.is_true(err.code == "ECONNRESET" or err.code == "EPIPE", err.code)
end

-- -- Resets ------------------------------------------------------------------

-- Stages: what is unsent before, and the call that waits.
local stages = {
  { "a read", function(s) s:read() end },
  { "a read_exactly", function(s) s:read_exactly(9) end },
  { "a read_until", function(s) s:read_until "x" end },
  { "a read_line", function(s) s:read_line() end },
  { "a read_all", function(s) s:read_all() end },
  { "a write", function(s) s:write "x" end, unsent = MUCH },
  { "a vectored write", function(s) s:write("x", "y") end, unsent = MUCH },
  { "a flush", function(s) s:flush() end, unsent = MUCH },
  { "a shutdown", function(s) s:shutdown() end, unsent = MUCH },
}

describe_kinds("a peer that resets", function()
  for _, stage in ipairs(stages) do
    it(("ends %s that waits with OSError [25.9]"):format(stage[1]), function()
      local stream, peer = new_pair()
      if stage.unsent then stream:write(stage.unsent) end
      local task = parked(stage[2], stream)
      reset(stream, peer)
      is_broken(helper.error_of(task.await, task))
      is_broken(helper.error_of(stage[2], stream))
      local err = helper.error_of(stream.write, stream, "x")
      is_broken(err)
      assert.equal(1, (err.message:find("stream:write: ", 1, true)))
      stream:close() -- raises nothing of it [25.11]
      fails("ClosedError", stream.read, stream)
    end)
  end

  it("ends all that wait on either side at once", function()
    local stream, peer = new_pair()
    stream:write(MUCH)
    local tasks = { parked(stream.read, stream), parked(stream.flush, stream),
      parked(stream.write, stream, "1"), parked(stream.write, stream, "2") }
    reset(stream, peer)
    for _, task in ipairs(tasks) do
      is_broken(helper.error_of(task.await, task))
    end
  end)

  it("ends a close that waits, without an error [25.11]", function()
    local stream, peer = new_pair()
    stream:write(MUCH)
    local task = parked(stream.close, stream)
    peer:exit(true) -- it has not read all, so this is a reset
    task:await()
  end)

  it("lets the with that closes the stream end without one", function()
    local stream, peer = new_pair()
    weft.with(stream, function()
      stream:write(MUCH)
      reset(stream, peer)
    end)
  end)

  it("is told after the bytes that came before [25.6]", function()
    local stream, peer = new_pair()
    peer:write "last words\nand more"
    assert.equal("l", stream:read(1))
    reset(stream, peer)
    pcall(stream.write, stream, "x") -- it is told before the reader
    assert.equal("ast words", stream:read_line())
    is_broken(helper.error_of(stream.read_line, stream))
    assert.equal("and more", stream:read())
    is_broken(helper.error_of(stream.read, stream))
  end)
end)

-- -- Half-open connections ---------------------------------------------------

describe_kinds("a peer that has ended its side", function()
  it("is still written to [25.10]", function()
    local stream, peer = new_pair()
    peer:write "question"
    peer:shutdown()
    assert.equal("question", stream:read_all())
    assert.is_nil(stream:read())
    local reader = weft.spawn(drain, peer)
    stream:write(MUCH)
    stream:flush()
    stream:close()
    assert.equal(#MUCH, (reader:await()))
  end)

  it("may end its side before anything is read", function()
    local stream, peer = new_pair()
    peer:shutdown()
    stream:write "on"
    assert.equal("on", peer:read())
    assert.is_nil(stream:read_line())
    stream:write " and on"
    assert.equal(" and on", peer:read())
  end)

  it("may reset later, which does not undo the end", function()
    local stream, peer = new_pair()
    peer:write "all"
    peer:shutdown()
    assert.equal("all", stream:read_all())
    stream:write "unread"
    peer:close()
    settle()
    assert.is_nil(stream:read())
    is_broken(helper.error_of(function()
      while true do
        stream:write "x"
        weft.yield()
      end
    end))
  end)
end)

-- -- Slow readers ------------------------------------------------------------

describe_kinds("a peer that reads slowly", function()
  it("bounds what is unsent, whatever is written [25.8]", function()
    local stream, peer = new_pair()
    local piece, most = ("p"):rep(10000), 0
    local writer = weft.spawn(function()
      for _ = 1, 1000 do
        stream:write(piece)
        most = math.max(most, stream:statistics().unsent)
      end
      stream:shutdown()
    end)
    settle()
    assert.is_false(writer:done())
    local size = 0
    for bytes in function() return peer:read(5000) end do
      size = size + #bytes
    end
    assert.equal(1000 * #piece, size)
    writer:await()
    assert.is_true(most < 64 * 1024 + #piece, tostring(most))
  end)

  it("bounds what is unsent of many writers [25.8]", function()
    local stream, peer = new_pair()
    local piece, most = ("p"):rep(10000), 0
    weft.group(function(g)
      for _ = 1, 100 do
        g:spawn(function()
          stream:write(piece)
          most = math.max(most, stream:statistics().unsent)
        end)
      end
      local left = 100 * #piece
      while left > 0 do left = left - #peer:read(3000) end
      assert.equal(0, left)
    end)
    assert.is_true(most < 64 * 1024 + #piece, tostring(most))
  end)

  it("bounds what is unread where we are the slow one [25.6]", function()
    local stream, peer = new_pair()
    local writer = weft.spawn(function()
      for _ = 1, 1000 do peer:write(("p"):rep(10000)) end
      peer:shutdown()
    end)
    local size, most = 0, 0
    for bytes in function() return stream:read(5000) end do
      size = size + #bytes
      most = math.max(most, stream:statistics().unread)
      weft.yield()
    end
    assert.equal(1000 * 10000, size)
    assert.is_true(most <= 64 * 1024, tostring(most))
    writer:await()
  end)

  it("is cut off by a timeout around the write [25.8]",
    testing.virtual(function()
      local stream = new_pair()
      fails("TimeoutError", weft.timeout, 5, function()
        while true do stream:write(MUCH) end
      end)
    end))
end)

-- -- Cancellation and timeouts -----------------------------------------------

describe_kinds("a stream on which a call was cancelled", function()
  for _, stage in ipairs(stages) do
    it(("is as before %s began [3.5]"):format(stage[1]),
      testing.virtual(function()
        local stream, peer = new_pair()
        if stage.unsent then stream:write(stage.unsent) end
        local scope = weft.move_on_after(1, function() stage[2](stream) end)
        assert.is_true(scope:cancelled_caught())
        loopback.assert_cancelled(parked(stage[2], stream))
        local reader = weft.spawn(drain, peer)
        stream:write "tail"
        stream:shutdown()
        local size, tail = reader:await()
        assert.equal((stage.unsent and #MUCH or 0) + 4, size)
        assert.equal("tail", tail:sub(-4))
        peer:write "answer"
        assert.equal("answer", stream:read())
      end))
  end
end)
