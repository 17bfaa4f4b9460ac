--- What bench/run measures of spawning: a task spawned into a group, run and
-- joined. Its body only counts itself.

local function case(batch, batches, slow_batches, counted, name)
  return {
    args = ("%d %d"):format(batch, batches),
    slow_args = ("%d %d"):format(batch, slow_batches),
    quick = "100 20",
    counted = counted,
    measures = { {
      key = "spawn", name = "spawn + join, " .. name, unit = "ns",
      target = { at_most = 150, below = "peers" },
      targets = { stackful = { at_most = 50 } },
    } },
  }
end

return {
  programs = { "weft", "reference", "stackful", "go1", "go", "tokio1", "tokio",
    "erlang", "node", "asyncio", "uvloop", "trio", "cqueues", "openresty" },
  case(1000, 500, 50,
    { "1000 20", "1000 120", operations = 110000 }, "by 1,000"),
  case(100000, 5, 1,
    { "100000 1", "100000 3", operations = 200000 }, "by 100,000"),
}
