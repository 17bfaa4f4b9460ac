-- A test that swallows its cancellation. WEFT_TEST_TIMEOUT=0.1.
local weft = require "weft"
it("swallows everything", function()
  while true do pcall(weft.sleep, 60) end
end)
