--- What bench/run measures of timers: a crowd of sleepers.

return {
  programs = { "weft", "go1", "go", "tokio1", "tokio", "erlang", "node",
    "asyncio", "uvloop", "trio", "luv", "cqueues", "openresty" },
  {
    args = "100000",
    quick = "2000",
    counted = { "10000", "30000", operations = 20000 },
    measures = {
      { key = "cpu", name = "100,000 sleepers, CPU", unit = "s",
        target = { at_most = 0.2, below = "peers" } },
      { key = "peak", name = "100,000 sleepers, peak", unit = "MB",
        target = { at_most = 100, below = "peers" } },
    },
  },
}
