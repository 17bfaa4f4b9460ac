-- Values as text for a person.
local weft = require "weft"
local show = require "weft.show"

describe("weft.show", function()
  it("quotes strings, so that what cannot be seen is seen", function()
    assert.equal('"a\\tb\\n\\"\\\\ \\000\\027 \195\164"',
      show.value 'a\tb\n"\\ \0\27 \195\164')
    assert.equal(10000 + #'"" (5 bytes more)',
      #show.value(("x"):rep(10005)))
  end)

  it("shows other plain values as tostring does", function()
    assert.equal("1", show.value(1))
    assert.equal("nil", show.value(nil))
    assert.equal("true", show.value(true))
    assert.truthy(show.value(print):find "^function: ")
  end)

  it("shows tables one level deep, items first, then names in order",
    function()
      assert.equal("{}", show.value {})
      assert.equal('{ 1, "b", {}, {...}, x = 2, y = 3 }',
        show.value { 1, "b", {}, { 1 }, y = 3, x = 2 })
      assert.equal('{ [true] = 3, [2.5] = 5, ["a b"] = 4, ["end"] = 1 }',
        show.value { ["end"] = 1, ["a b"] = 4, [2.5] = 5, [true] = 3 })
    end)

  it("breaks long tables into lines, and leaves out what is too much",
    function()
      local long = ("x"):rep(40)
      assert.equal(('{\n  "%s",\n  "%s"\n}'):format(long, long),
        show.value { long, long })
      local many = {}
      for i = 1, 1000 do many[i] = i end
      local text = show.value(many)
      assert.truthy(text:find("  50,\n  ... 950 more\n}", 1, true), text)
    end)

  it("leaves what has a metatable to its own tostring", function()
    local object = setmetatable({ secret = 1 },
      { __tostring = function() return "an object" end })
    assert.equal("an object", show.value(object))
    assert.equal("{ an object }", show.value { object })
    local bad = setmetatable({}, { __tostring = function() error "no" end })
    assert.equal("(table)", show.value(bad))
  end)

  it("calls no metamethod of what is inside", function()
    local function never() error "called" end
    local odd = setmetatable({}, { __index = never, __len = never })
    assert.truthy(show.value { odd, x = odd })
  end)

  it("shows errors as what they say", function()
    assert.equal("Error: oh", show.value(weft.Error "oh"))
  end)

  it("joins several values, by lines if one has several", function()
    assert.equal('1, nil, "x"', show.values(3, 1, nil, "x"))
    local long = { ("x"):rep(80) }
    assert.equal("1\n" .. show.value(long), show.values(2, 1, long))
  end)
end)
