--- What bench/run measures of generators: an item that a for loop consumes.

return {
  programs = { "weft", "luajit", "go1", "go", "asyncio" },
  {
    args = "plain 1000000",
    slow_args = "plain 200000",
    measures = { {
      key = "item", name = "generator item", unit = "ns",
      target = { at_most = 40 },
    } },
  },
  {
    args = "yield 1000000",
    slow_args = "yield 100000",
    programs = { "weft", "go1", "go", "asyncio" },
    measures = { {
      key = "item", name = "generator item, yield inside", unit = "ns",
    } },
  },
}
