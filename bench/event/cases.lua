--- What bench/run measures of events: two tasks that wake each other in turn,
-- and one that wakes a thousand.

local function case(args, slow_args, quick, counted, name, programs)
  return {
    programs = programs,
    args = args,
    slow_args = slow_args,
    quick = quick,
    counted = counted,
    measures = { { key = "wake", name = name, unit = "ns",
      target = { below = "peers" } } },
  }
end

return {
  programs = { "weft", "go1", "go", "tokio1", "tokio", "erlang", "asyncio",
    "uvloop", "trio", "cqueues" },
  case("pong 1000000", "pong 100000", "pong 2000",
    { "pong 20000", "pong 220000", operations = 220000 },
    "event, ping-pong", { "weft", "go1", "go", "tokio1", "tokio", "erlang",
    "asyncio", "uvloop", "trio", "cqueues", "openresty" }),
  case("crowd 1000 1000", "crowd 1000 100", "crowd 100 20",
    { "crowd 1000 10", "crowd 1000 110", operations = 110000 },
    "event, wakes 1,000"),
}
