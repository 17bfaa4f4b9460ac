--- What bench/run measures of events: two tasks that wake each other in turn,
-- and one that wakes a thousand.

local function case(args, slow_args, name)
  return {
    args = args,
    slow_args = slow_args,
    measures = { { key = "wake", name = name, unit = "ns" } },
  }
end

return {
  programs = { "weft", "go1", "go", "asyncio", "cqueues" },
  case("pong 1000000", "pong 100000", "event, ping-pong"),
  case("crowd 1000 1000", "crowd 1000 100", "event, wakes 1,000"),
}
