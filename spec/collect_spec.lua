--- Collecting what an iterator gives: lists and tables.
local helper = require "helper"
local weft = require "weft"
local testing = require "weft.testing"

testing.options { virtual = true }

local pages = weft.generator(function(yield, log)
  weft.finally(function()
    for i = 1, 4 do
      weft.sleep(1)
      yield(i, "page " .. i)
    end
  end, function() log.closed_at = weft.now() end)
end)

describe("weft.collect", function()
  it("makes a list of what a generator gives", function()
    assert.same({ 1, 2, 3, 4 }, weft.collect(pages {}))
    assert.equal(4, weft.now())
  end)

  it("maps with all values, and drops nil", function()
    local list = weft.collect(pages {}, function(i, text)
      weft.yield()
      return i % 2 == 0 and text or nil
    end)
    assert.same({ "page 2", "page 4" }, list)
  end)

  it("keeps false", function()
    assert.same({ true, false }, weft.collect({ 1, 2 }, function(i)
      return i == 1
    end))
  end)

  it("takes lists and plain iterators too", function()
    assert.same({ 2, 4 }, weft.collect({ 1, 2 }, function(i) return i * 2 end))
    assert.same({ "a", "b" }, weft.collect(("a b"):gmatch "%a"))
  end)

  it("takes what items() of a queue gives, as map and each do", function()
    local queue = weft.queue()
    for i = 1, 3 do queue:put(i) end
    queue:shutdown()
    assert.same({ 1, 2, 3 }, weft.collect(queue:items()))
    local sender, receiver = weft.channel(3)
    for i = 1, 3 do sender:send(i) end
    sender:close()
    assert.same({ n = 3, 2, 4, 6 }, weft.map(receiver:items(), function(i)
      return i * 2
    end))
    receiver:close()
  end)

  it("closes the generator when the function fails", function()
    local log = {}
    local err = helper.error_of(weft.collect, pages(log), function(i)
      if i == 2 then error("enough", 0) end
      return i
    end)
    assert.equal("enough", err)
    assert.equal(2, log.closed_at)
  end)

  it("closes it when it is cut off", function()
    local log = {}
    helper.fails("TimeoutError", weft.timeout, 2.5, function()
      weft.collect(pages(log))
    end)
    assert.equal(2.5, log.closed_at)
  end)

  it("raises the iterator's error", function()
    local gen = weft.generator(function(yield)
      yield(1)
      error("no more", 0)
    end)
    assert.equal("no more", helper.error_of(weft.collect, gen()))
  end)

  it("refuses what is none", function()
    helper.refuses({ "collect(iter, fn): iter", "got number 7" },
      weft.collect, 7)
    helper.refuses({ "collect(iter, fn): fn", "got string" },
      weft.collect, {}, "x")
  end)
end)

describe("weft.collect_map", function()
  it("makes a table of the keys and values the function gives", function()
    assert.same({ ["page 1"] = 10, ["page 3"] = 30 },
      weft.collect_map(pages {}, function(i, text)
        if i % 2 == 1 then return text, i * 10 end
      end))
  end)

  it("takes the first two values without one", function()
    assert.same({ "page 1", "page 2", "page 3", "page 4" },
      weft.collect_map(pages {}))
  end)

  it("refuses what is none", function()
    helper.refuses({ "collect_map(iter, fn): iter" }, weft.collect_map, nil)
    helper.refuses({ "collect_map(iter, fn): fn" }, weft.collect_map, {}, 1)
  end)
end)
