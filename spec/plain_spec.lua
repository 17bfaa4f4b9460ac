-- Large plain tables, written at once: what thread_spec does not reach.
local plain = require "weft.plain"

describe("weft.plain", function()
  it("writes one value at a time: a finaliser packs another way", function()
    assert.is_number((plain.write({ 1 }, {})))
    assert.is_nil((plain.write({ 2 }, {})))
    plain.forget()
    assert.is_number((plain.write({ 2 }, {})))
    plain.forget()
  end)

  it("leaves a value that it refuses as it was", function()
    local shared = {}
    local value = { shared, { shared } }
    assert.is_nil((plain.write(value, {})))
    assert.is_nil(getmetatable(shared))
    assert.is_nil(getmetatable(value))
  end)
end)
