-- A test outside any task, which nobody can end, with a limit of its own.
local testing = require "weft.testing"

it("takes its time", testing.plain(testing.with({ timeout = 0.05 }, function()
  os.execute "sleep 1.3" -- a second after its limit it is named
end)))
