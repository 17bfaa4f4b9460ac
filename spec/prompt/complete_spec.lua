-- Completing names.
local weft = require "weft"
local complete = require("weft.prompt.complete").complete

local function completed(text)
  local names, word = complete(text)
  return table.concat(names, " "), word
end

describe("weft.prompt.complete", function()
  setup(function()
    rawset(_G, "spec_object", setmetatable(
      { field = { inner = 1 }, number = 3 },
      { __index = { method = function() end, value = 1 } }))
    rawset(_G, "spec_lazy", setmetatable({}, { __index = function()
      error "must not be called"
    end }))
  end)

  teardown(function()
    rawset(_G, "spec_object", nil)
    rawset(_G, "spec_lazy", nil)
  end)

  it("completes globals and the words of the language", function()
    assert.equal("spec_lazy spec_object", (completed "x = spec_"))
    assert.equal("repeat require return", (completed "re"))
    assert.equal("", (completed "no_such_"))
  end)

  it("completes fields, also those that are inherited", function()
    local names, word = completed "print(spec_object."
    assert.equal("spec_object.field spec_object.method spec_object.number "
      .. "spec_object.value", names)
    assert.equal("spec_object.", word)
    assert.equal("spec_object.field.inner", (completed "spec_object.field.i"))
    assert.equal("string.rep string.reverse", (completed "string.re"))
  end)

  it("completes methods after a colon", function()
    assert.equal("spec_object:method", (completed "spec_object:"))
    assert.truthy((completed "io.stdout:"):find("io.stdout:write", 1, true))
  end)

  it("finds nothing in what is not there, nor calls anything", function()
    assert.equal("", (completed "spec_lazy.x"))
    assert.equal("", (completed "spec_lazy.x.y"))
    assert.equal("", (completed "spec_object.number.x"))
    assert.equal("", (completed "f()."))
  end)

  it("knows what of weft is loaded only when it is needed", function()
    rawset(_G, "spec_object", weft)
    local names = completed "spec_object.exec"
    rawset(_G, "spec_object", nil)
    assert.equal("spec_object.executor", names)
  end)
end)
