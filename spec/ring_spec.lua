-- Rings: items in a row, to be taken off either end.
local ring = require "weft.ring"

local function ring_of(...)
  local object = {}
  ring.init(object)
  for _, item in ipairs { ... } do ring.push(object, item) end
  return object
end

local function slots_of(object) return object.mask + 1 end

describe("a ring", function()
  it("gives the oldest item by shift, the newest by pop", function()
    local object = ring_of(1, 2, 3, 4)
    assert.equal(1, ring.shift(object))
    assert.equal(4, ring.pop(object))
    assert.equal(2, ring.shift(object))
    assert.equal(3, ring.pop(object))
    assert.equal(0, object.count)
  end)

  it("takes false as an item", function()
    local object = ring_of(false, 1)
    assert.equal(2, object.count)
    assert.equal(false, ring.shift(object))
  end)

  it("keeps the order when it wraps round and grows", function()
    local object, next_in, next_out = ring_of(), 1, 1
    for round = 1, 40 do
      for _ = 1, round do
        ring.push(object, next_in)
        next_in = next_in + 1
      end
      for _ = 1, round / 2 do
        assert.equal(next_out, ring.shift(object))
        next_out = next_out + 1
      end
    end
    while object.count > 0 do
      assert.equal(next_out, ring.shift(object))
      next_out = next_out + 1
    end
    assert.equal(next_in, next_out)
  end)

  for _, take in ipairs { "shift", "pop" } do
    it("becomes small again after many items: " .. take, function()
      local object = ring_of()
      for i = 1, 100000 do ring.push(object, i) end
      assert.equal(131072, slots_of(object))
      for i = 1, 99990 do
        assert.equal(take == "pop" and 100001 - i or i, ring[take](object))
      end
      assert.equal(512, slots_of(object))
      for i = 1, 10 do
        assert.equal(take == "pop" and 11 - i or 99990 + i, ring[take](object))
      end
    end)
  end

  it("stays of one size where it is filled and emptied again", function()
    local object = ring_of()
    for _ = 1, 3 do
      for i = 1, 500 do ring.push(object, i) end
      local slots = object.slots
      for _ = 1, 500 do ring.shift(object) end
      assert.equal(slots, object.slots)
    end
  end)

  it("holds no item that was taken off", function()
    local object, weak = ring_of(), setmetatable({}, { __mode = "v" })
    for i = 1, 20 do
      weak[i] = { i }
      ring.push(object, weak[i])
    end
    for _ = 1, 10 do
      ring.shift(object)
      ring.pop(object)
    end
    collectgarbage()
    assert.same({}, weak)
  end)
end)
