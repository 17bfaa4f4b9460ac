--- What bench/run measures of gather: a thousand functions run at once, each
-- of which yields once and returns a number.

return {
  programs = { "weft", "go1", "go", "tokio1", "tokio", "erlang", "node",
    "asyncio", "uvloop", "trio", "cqueues", "openresty" },
  {
    args = "1000 1000",
    slow_args = "1000 50",
    quick = "100 20",
    counted = { "1000 10", "1000 110", operations = 110000 },
    measures = { {
      key = "gather", name = "gather of 1,000, each", unit = "ns",
      target = { at_most = 150, below = "peers" },
    } },
  },
}
