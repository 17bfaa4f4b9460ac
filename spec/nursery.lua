--- What the specs of supervisors share: children that log what they do.
local weft = require "weft"

local nursery = {}

--- Children by name, "a 2 b 3": each logs its starts and its stops, and after
-- so many seconds calls `fn(name)`, which may fail; without a number it runs
-- for ever. `log` gets lines "<name> starts at 3", "<name> is stopped at 4".
function nursery.children_of(text, log, fn, restart)
  local list = {}
  for name, seconds in text:gmatch "(%a) ?(%d*)" do
    table.insert(list, {
      name = name, restart = restart,
      fn = function()
        table.insert(log, ("%s starts at %g"):format(name, weft.now()))
        local ok, err = pcall(weft.sleep, tonumber(seconds) or math.huge)
        if not ok then
          table.insert(log, ("%s is stopped at %g"):format(name, weft.now()))
          error(err, 0)
        end
        fn(name)
      end,
    })
  end
  return list
end

--- What children do at their end.
function nursery.fail(name) error(weft.OSError(name .. " broke")) end
function nursery.finish() end
function nursery.ignore() end

--- Runs a supervisor until `stop_at` (nil: to its end), then stops it.
function nursery.run(children, opts, stop_at)
  local supervisor = weft.supervisor(children, opts)
  if stop_at then
    weft.call_at(stop_at, function() supervisor:stop() end)
  end
  supervisor:run()
  return supervisor
end

return nursery
