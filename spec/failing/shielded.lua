-- A test that leaves a shielded task. WEFT_TEST_TIMEOUT=0.1 in the environment.
local weft = require "weft"

it("leaves a shielded task", function()
  weft.spawn("stuck", function()
    weft.shield(function() weft.sleep(3600) end)
  end)
  weft.yield()
end)
it("is run", function() end)
