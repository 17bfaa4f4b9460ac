-- The process is left in the middle of a test.
local weft = require "weft"

it("leaves", function()
  weft.spawn(weft.sleep_forever)
  weft.net.listen { host = "127.0.0.1", port = 0 }
  weft.generator(function(yield) yield(1) yield(2) end)():next()
  print "leaving"
  weft.yield()
  os.exit(7, true)
end)

it("is not run", function() print "NEVER" end)
