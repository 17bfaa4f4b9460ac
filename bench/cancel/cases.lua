--- What bench/run measures of cancelling: a parked task cancelled and joined,
-- without and with its being spawned.

return {
  programs = { "weft", "reference", "go1", "go", "asyncio" },
  {
    args = "100000",
    measures = {
      { key = "cancel", name = "cancel + join", unit = "ns",
        target = { at_most = 1500 } },
      { key = "all", name = "spawn + cancel + join", unit = "ns" },
    },
  },
}
