--- What bench/run measures of cancelling: a parked task cancelled and joined,
-- without and with its being spawned.

return {
  programs = { "weft", "reference", "go1", "go", "tokio1", "tokio", "erlang",
    "asyncio", "uvloop", "trio", "openresty" },
  {
    args = "100000",
    slow_args = "20000",
    quick = "1000",
    counted = { "2000", "22000", operations = 40000, key = "all" },
    measures = {
      { key = "cancel", name = "cancel + join", unit = "ns",
        target = { at_most = 1500, below = "peers" } },
      { key = "all", name = "spawn + cancel + join", unit = "ns",
        target = { below = "peers" } },
    },
  },
}
