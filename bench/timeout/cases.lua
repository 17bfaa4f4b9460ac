--- What bench/run measures of timeouts that are left, or fire, in tasks that
-- take turns.
-- One that fires is waited for, so its CPU time counts, not the clock's.

local function case(work, size, slow_size, name, target, programs)
  return {
    args = work .. " " .. size,
    slow_args = work .. " " .. slow_size,
    programs = programs,
    measures = { { key = "timeout", name = name, unit = "ns",
      target = { at_most = target } } },
  }
end

local with_cqueues = { "weft", "go1", "go", "asyncio", "luv", "cqueues" }

return {
  programs = { "weft", "go1", "go", "asyncio", "luv" },
  case("scope", "100 10000", "100 1000", "timeout, left", 120),
  case("yield", "100 10000", "100 1000", "timeout, yield inside", 200),
  case("fires", "1000 200", "1000 30", "timeout, fires (CPU)", 3000,
    with_cqueues),
}
