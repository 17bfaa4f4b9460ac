--- What bench/run measures of generators: an item that a for loop consumes.

return {
  programs = { "weft", "luajit", "go1", "go", "node", "asyncio", "uvloop" },
  {
    args = "plain 1000000",
    slow_args = "plain 200000",
    quick = "plain 2000",
    counted = { "plain 20000", "plain 220000", operations = 220000 },
    measures = { {
      key = "item", name = "generator item", unit = "ns",
      target = { at_most = 40, below = "peers" },
    } },
  },
  {
    args = "yield 1000000",
    slow_args = "yield 100000",
    quick = "yield 2000",
    counted = { "yield 20000", "yield 220000", operations = 220000 },
    programs = { "weft", "go1", "go", "node", "asyncio", "uvloop", "trio" },
    measures = { {
      key = "item", name = "generator item, yield inside", unit = "ns",
      target = { below = "peers" },
    } },
  },
}
