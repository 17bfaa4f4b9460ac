-- A test that computes for ever. WEFT_TEST_TIMEOUT=0.1 in the environment.
it("passes", function() end)
it("computes for ever", function() while true do end end)
it("is not run", function() print "NEVER" end)
