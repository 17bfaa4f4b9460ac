--- What bench/run measures of memory: a parked task, and a million of them
-- spawned, cancelled and joined.

return {
  programs = { "weft", "reference", "go", "tokio", "erlang", "node", "asyncio",
    "uvloop", "trio", "cqueues" },
  {
    args = "1000000",
    slow_args = "100000",
    quick = "2000",
    measures = {
      { key = "bytes", name = "a parked task", unit = "bytes",
        target = { at_most = 900 } },
      { key = "each", name = "1,000,000 parked, each", unit = "ns",
        target = { below = "peers" } },
    },
  },
}
