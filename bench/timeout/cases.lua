--- What bench/run measures of timeouts that are left, or fire, in tasks that
-- take turns.
-- One that fires is waited for, so its CPU time counts, not the clock's.

local function case(work, sizes, name, target, programs)
  return {
    args = work .. " " .. sizes.all,
    slow_args = work .. " " .. sizes.slow,
    quick = work .. " 100 10",
    counted = { work .. " " .. sizes.counted[1], work .. " "
      .. sizes.counted[2], operations = sizes.counted.operations },
    programs = programs,
    measures = { { key = "timeout", name = name, unit = "ns",
      target = { at_most = target, below = "peers" } } },
  }
end

local left = { all = "100 5000", slow = "100 500",
  counted = { "100 10", "100 210", operations = 22000 } }
local fires = { all = "1000 50", slow = "1000 15",
  counted = { "1000 1", "1000 11", operations = 11000 } }

local when_fired = { "weft", "luajit", "go1", "go", "tokio1", "tokio", "erlang",
  "node", "asyncio", "uvloop", "trio", "luv", "cqueues", "openresty" }

return {
  programs = { "weft", "go1", "go", "tokio1", "tokio", "erlang", "node",
    "asyncio", "uvloop", "trio", "luv" },
  case("scope", left, "timeout, left", 120),
  case("yield", left, "timeout, yield inside", 200),
  case("fires", fires, "timeout, fires (CPU)", 3000, when_fired),
}
