-- Run by suite_spec with WEFT_DEBUG=1: a step of 0.2 s, a task that is left.
local weft = require "weft"
local testing = require "weft.testing"

it("computes", function()
  local began = os.clock()
  repeat until os.clock() - began > 0.2
end)

it("leaves a task", testing.with({ leaks = false }, function()
  weft.spawn(weft.sleep_forever)
end))
