-- What is typed at the prompt, as a function.
local chunk = require "weft.prompt.chunk"

local function results(text, ...)
  local fn = assert(chunk.compile(text, "(line 1)"))
  return { fn(...) }
end

local function is_incomplete(text)
  local fn, _, incomplete = chunk.compile(text, "(line 1)")
  return fn == nil and incomplete == true
end

describe("weft.prompt.chunk", function()
  it("gives the values of an expression", function()
    assert.same({ 2 }, results "1 + 1")
    assert.same({ 1, 2 }, results "1, 2")
    assert.same({ 1, 3 }, results "unpack { 1, 3 }")
    assert.same({ "x" }, results "= 'x' -- and a comment")
    assert.same({ 3 }, results "1 +\n2")
  end)

  it("runs statements", function()
    assert.same({}, results "local x = 1")
    assert.same({ 5 }, results "local x = 5 return x")
    assert.same({}, results "-- nothing")
  end)

  it("is not deceived by brackets that do not belong together", function()
    local fn, err = chunk.compile("1) + (2", "(line 1)")
    assert.is_nil(fn)
    assert.truthy(err:find("(line 1):1:", 1, true))
  end)

  it("knows what more lines may complete", function()
    for _, text in ipairs { "f(", "1 +", "= 1 +", "for i = 1, 2 do", "x =",
      "if x then", "{ 1,", "function f()", "[[ long", "f(function()" } do
      assert.is_true(is_incomplete(text), text)
    end
    for _, text in ipairs { "x x", "= x x", ")", "1 = 2", "'open", "end" } do
      assert.is_false(is_incomplete(text), text)
    end
  end)

  it("tells the error of the statement, under the line's name", function()
    local _, err = chunk.compile("x x", "(line 7)")
    assert.equal("(line 7):1: '=' expected near 'x'", err)
    _, err = chunk.compile("= x x", "(line 7)")
    assert.truthy(err:find "^%(line 7%):1: ")
  end)

  it("leaves the line in the traceback of what it calls", function()
    local fn = chunk.compile("error 'oh'", "(line 3)")
    local ok, err = pcall(fn)
    assert.is_false(ok)
    assert.equal("(line 3):1: oh", err)
  end)
end)
