-- Streams in memory, and their faults. That they keep the rules of streams is
-- shown by the specs of those.
local weft = require "weft"
local faults = require "weft.testing.faults"
local testing = require "weft.testing"
local loopback = require "spec.loopback"
local stream_pair = require "weft.testing.stream_pair"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

-- The two ends of a pair until the end of the test.
local function new_pair(there, back)
  local first, second = stream_pair.new(there, back)
  testing.defer(loopback.exit_all, { first, second })
  return first, second
end

-- All that can be read, read by read.
local function reads(stream)
  local list = {}
  for bytes in function() return stream:read() end do
    list[#list + 1] = bytes
  end
  return list
end

describe("testing.stream_pair", function()
  it("connects two streams without a descriptor", function()
    loopback.exit_all { stream_pair.new() } -- libuv opens one of its own
    local before = loopback.descriptors()
    local first, second = stream_pair.new()
    assert.equal(before, (loopback.descriptors()))
    first:write("one ", "line\n")
    assert.equal("one line", second:read_line())
    second:write "answer"
    assert.equal("answer", first:read_exactly(6))
    first:shutdown()
    assert.is_nil(second:read())
    first:close()
    second:close()
  end)

  it("needs no time", function()
    local first, second = new_pair()
    weft.gather {
      function() first:write(("x"):rep(1e6)) first:shutdown() end,
      function() assert.equal(1e6, #second:read_all()) end,
    }
    assert.equal(0, weft.now())
  end)

  it("lets a reader that nobody will answer be found deadlocked [30.5]",
    testing.plain(function()
      local err = fails("TimeoutError", testing.virtual(function()
        local first, second = stream_pair.new()
        local ok, err = pcall(first.read, first)
        first:exit(true)
        second:exit(true)
        if not ok then error(err, 0) end
      end, { timeout = math.huge }))
      assert.truthy(err.message:find("nothing can wake", 1, true),
        err.message)
    end))

  it("is left open, it is reported when it is collected [25.12]", function()
    do stream_pair.new() end
    collectgarbage()
    collectgarbage()
    testing.wait_all_parked()
    local reports = testing.reports()
    assert.equal(2, #reports)
    assert.truthy(reports[1].err.message:find("in memory", 1, true))
  end)
end)

describe("a delay", function()
  it("passes on the test's clock", function()
    local first, second = new_pair { delay = 0.5 }
    first:write "a"
    weft.sleep(0.1)
    first:write "b"
    assert.equal("a", second:read())
    assert.equal(0.5, weft.now())
    assert.equal("b", second:read())
    assert.equal(0.6, weft.now())
    second:write "c"
    first:read()
    assert.equal(1.1, weft.now()) -- one table is for both ways
  end)

  it("may be of one way alone", function()
    local first, second = new_pair({ delay = 2 }, {})
    first:write "a"
    second:read()
    assert.equal(2, weft.now())
    second:write "b"
    first:read()
    assert.equal(2, weft.now())
  end)

  it("lets timeouts fire, before and not at its time [1.2]", function()
    local first, second = new_pair { delay = 3 }
    first:write "late"
    fails("TimeoutError", weft.timeout, 2.9, function() second:read() end)
    assert.equal("late", weft.timeout(0.1, function()
      return second:read()
    end))
  end)

  it("may be for ever", function()
    local first, second = new_pair { delay = math.huge }
    first:write "lost"
    fails("TimeoutError", weft.timeout, 3600, function() second:read() end)
  end)
end)

describe("splitting", function()
  local TEXT = "the quick brown fox"

  local function sizes(first, second)
    first:write(TEXT)
    first:shutdown()
    local list = reads(second)
    assert.equal(TEXT, table.concat(list))
    for i, bytes in ipairs(list) do list[i] = #bytes end
    return list
  end

  it("gives each read at most so much", function()
    local first, second = new_pair { split = 5 }
    assert.same({ 5, 5, 5, 4 }, sizes(first, second))
  end)

  it("gives the sizes of a list in turn", function()
    local first, second = new_pair { split = { 1, 10 } }
    assert.same({ 1, 10, 1, 7 }, sizes(first, second))
  end)

  it("draws sizes by the seed, the same for the same", function()
    local function drawn(seed)
      local list = sizes(new_pair { split = { min = 1, max = 6 },
        seed = seed })
      for _, size in ipairs(list) do
        assert.is_true(size >= 1 and size <= 6)
      end
      return table.concat(list, " ")
    end
    assert.equal(drawn(7), drawn(7))
    assert.equal(drawn(nil), drawn(1))
    local all = {}
    for seed = 1, 10 do all[drawn(seed)] = true end
    local count = 0
    for _ in pairs(all) do count = count + 1 end
    assert.is_true(count > 5)
  end)

  it("does not disturb lines", function()
    local first, second = new_pair { split = 1 }
    first:write "one\ntwo\r\nthree"
    first:shutdown()
    assert.same({ "one", "two\r", "three" }, weft.collect(second:lines()))
  end)
end)

describe("a reset, an end and a wrong byte", function()
  it("come after so many bytes", function()
    local first, second = new_pair({ reset_after = 5 }, {})
    first:write "0123456789"
    assert.equal("01234", second:read_exactly(5))
    local err = fails("OSError", second.read, second)
    assert.equal("ECONNRESET", err.code)
    assert.equal("ECONNRESET", fails("OSError", first.read, first).code)
    assert.equal("ECONNRESET", fails("OSError", first.write, first, "x").code)
  end)

  it("come at once when they are set later", function()
    local first, second = new_pair()
    first:write "before"
    local reader = weft.spawn(second.read_all, second)
    weft.yield()
    faults.set(first, { reset_after = 0 })
    fails("OSError", reader.await, reader)
    assert.equal("before", second:read()) -- was kept [25.5]
  end)

  it("cut off what is read", function()
    local first, second = new_pair({ truncate_after = 7 }, {})
    first:write "0123456789"
    local err = fails("IncompleteReadError", second.read_exactly, second, 10)
    assert.equal("0123456", err.partial)
    first:write "lost"
    assert.is_nil(second:read())
    second:write "still heard"
    assert.equal("still heard", first:read())
  end)

  it("turn one byte's bits round", function()
    local first, second = new_pair { corrupt_at = 1 }
    first:write "abc"
    assert.equal("a" .. string.char(255 - ("b"):byte()) .. "c", second:read())
  end)
end)

describe("the buffer", function()
  it("bounds what is under way", function()
    local first, second = new_pair { buffer = 4 }
    first:write "0123456789"
    assert.equal(6, first:statistics().unsent)
    local flush = weft.spawn(first.flush, first)
    weft.yield()
    assert.is_false(flush:done())
    second:read_exactly(6)
    flush:await()
  end)

  it("may be none: what is written is sent when it is read", function()
    local first, second = new_pair { buffer = 0 }
    local flush = weft.spawn(function()
      first:write "x"
      first:flush()
      return weft.now()
    end)
    weft.sleep(3)
    second:read()
    assert.equal(3, flush:await())
  end)
end)

describe("faults", function()
  it("are refused with the name of what is wrong", function()
    for _, case in ipairs {
      { { delay = -1 }, "delay", "number -1" },
      { { split = 0 }, "split", "number 0" },
      { { split = {} }, "split", "table" },
      { { split = { 1, 0 } }, "split", "table" },
      { { split = { min = 3, max = 2 } }, "split", "table" },
      { { split = { min = 3 } }, "split", "table" },
      { { reset_after = 1.5 }, "reset_after", "number 1.5" },
      { { truncate_after = "x" }, "truncate_after", 'string "x"' },
      { { corrupt_at = -1 }, "corrupt_at", "number -1" },
      { { buffer = true }, "buffer", "boolean true" },
      { { seed = 0 }, "seed", "number 0" },
      { { dealy = 1 }, "dealy" },
      { 1, "number 1" },
    } do
      local given = table.remove(case, 1)
      refuses(case, stream_pair.new, given)
      refuses(case, stream_pair.new, {}, given)
    end
  end)

  it("are set on ends of pairs, as long as both are open", function()
    local first, second = stream_pair.new()
    refuses({ "stream must be a stream", "number 1" }, faults.set, 1, {})
    second:close()
    fails("ClosedError", faults.set, first, { delay = 1 })
    first:close()
    fails("ClosedError", faults.set, first, { split = 1 })
    local one, other = loopback.pair()
    refuses({ "testing.faulty" }, faults.set, one, { delay = 1 })
    one:exit(true)
    other:exit(true)
  end)

  it("of a pair need a runtime", testing.plain(function()
    fails("InvalidStateError", stream_pair.new)
  end))
end)

-- -- Random use --------------------------------------------------------------

-- Numbers up to `most` from a seed.
local function generator(seed)
  return function(most)
    seed = seed * 16807 % 2147483647
    return seed % most + 1
  end
end

local function pause(draw)
  local what = draw(6)
  if what == 1 then weft.yield() elseif what == 2 then weft.sleep(draw(3)) end
end

local function send_all(stream, bytes, draw)
  local at = 1
  while at <= #bytes do
    local size = draw(3) == 1 and draw(100000) or draw(50)
    stream:write(bytes:sub(at, at + size - 1))
    at = at + size
    pause(draw)
  end
  stream:shutdown()
end

-- Reads that are cancelled lose nothing.
local function read_some(stream, draw)
  local bytes
  weft.move_on_after(draw(4), function()
    bytes = stream:read(draw(2) == 1 and draw(70000) or draw(20))
    bytes = bytes or false
  end)
  return bytes
end

local function receive_all(stream, draw)
  local pieces = {}
  repeat
    local bytes = read_some(stream, draw)
    pieces[#pieces + 1] = bytes or nil
    pause(draw)
  until bytes == false
  return table.concat(pieces)
end

local function random_faults(draw)
  return {
    delay = draw(3) == 1 and draw(3) or nil, buffer = draw(3) == 1 and draw(999)
      or nil,
    split = draw(3) == 1 and { min = 1, max = draw(60000) } or nil,
    seed = draw(1000),
  }
end

describe("a pair used at random", function()
  it("loses, doubles and mixes up no byte [25.5, 25.8]", function()
    for seed = 1, 12 do
      local draw = generator(seed * 7919)
      local first, second = new_pair(random_faults(draw), random_faults(draw))
      local bytes = {}
      for i = 1, draw(40000) do bytes[i] = ("%d,"):format(i) end
      local text = table.concat(bytes)
      local got = weft.gather {
        function() send_all(first, text, generator(seed)) end,
        function() send_all(second, text, generator(seed + 1)) end,
        function() return receive_all(first, generator(seed + 2)) end,
        function() return receive_all(second, generator(seed + 3)) end,
      }
      assert.is_true(text == got[3], "back, with seed " .. seed)
      assert.is_true(text == got[4], "there, with seed " .. seed)
    end
  end)
end)
