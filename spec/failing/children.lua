-- What fails in other tasks than the test's own.
local weft = require "weft"

local function in_task(name, fn)
  weft.group(function(g) g:spawn(name, fn) end)
end

describe("children", function()
  it("assertion", function()
    in_task("checker", function()
      weft.yield()
      assert.equal("blue", "green")
    end)
  end)

  it("assertion, groups deep", function()
    weft.group(function(g)
      g:spawn("outer", function()
        in_task("inner", function() assert.is_true(false) end)
      end)
    end)
  end)

  it("assertions of two", function()
    weft.group(function(g)
      g:spawn("left", function() assert.equal(1, 2) end)
      g:spawn("right", function() assert.equal(3, 4) end)
    end)
  end)

  it("an assertion and an error", function()
    weft.group(function(g)
      g:spawn("left", function() assert.equal(1, 2) end)
      g:spawn("right", function() error "broken" end)
    end)
  end)

  it("string", function()
    in_task("worker", function() error "broken" end)
  end)

  it("error object", function()
    in_task("reader", function() weft.queue():try_get() end)
  end)

  it("awaited", function()
    weft.spawn("helper", function() error { code = 5 } end):await()
  end)

  it("pending", function()
    in_task("later", function() pending "not today" end)
  end)

  it("object of its own", function()
    error(setmetatable({}, { __tostring = function() return "mine" end }))
  end)

  it("table", function() error { answer = 42 } end)

  it("nothing", function() error() end)
end)
