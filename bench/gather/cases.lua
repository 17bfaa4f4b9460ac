--- What bench/run measures of gather: a thousand functions run at once, each
-- of which yields once and returns a number.

return {
  programs = { "weft", "go1", "go", "asyncio", "cqueues" },
  {
    args = "1000 1000",
    slow_args = "1000 50",
    measures = { {
      key = "gather", name = "gather of 1,000, each", unit = "ns",
      target = { at_most = 150 },
    } },
  },
}
