--- What bench/run measures of time: timeouts that are left, or fire, in tasks
-- that take turns, and a crowd of sleepers.
-- A timeout that fires is waited for, so its CPU time counts, not the clock's.

local function case(work, size, slow_size, name, target)
  return {
    args = work .. " " .. size,
    slow_args = work .. " " .. slow_size,
    measures = { { key = "timeout", name = name, unit = "ns",
      target = { at_most = target } } },
  }
end

return {
  programs = { "weft", "go1", "go", "asyncio" },
  case("scope", "100 10000", "100 1000", "timeout, left", 120),
  case("yield", "100 10000", "100 1000", "timeout, yield inside", 200),
  case("fires", "1000 200", "1000 30", "timeout, fires (CPU)", 3000),
  {
    args = "sleepers 100000",
    measures = {
      { key = "cpu", name = "100,000 sleepers, CPU", unit = "s",
        target = { at_most = 0.2 } },
      { key = "peak", name = "100,000 sleepers, peak", unit = "MB",
        target = { at_most = 100 } },
    },
  },
}
