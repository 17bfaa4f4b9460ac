--- What bench/run measures of memory: a parked task, and a million of them
-- spawned, cancelled and joined.

return {
  programs = { "weft", "reference", "go", "tokio", "erlang", "node", "asyncio",
    "uvloop", "trio", "cqueues" },
  {
    args = "1000000",
    quick = "2000",
    measures = {
      { key = "bytes", name = "a parked task", unit = "bytes",
        target = { at_most = 900 } },
      { key = "seconds", name = "1,000,000 parked tasks", unit = "s" },
    },
  },
}
