--- What bench/run measures of spawning: a task spawned into a group, run and
-- joined. Its body only counts itself.

local function case(batch, batches, slow_batches, name)
  return {
    args = ("%d %d"):format(batch, batches),
    slow_args = ("%d %d"):format(batch, slow_batches),
    measures = { {
      key = "spawn", name = "spawn + join, " .. name, unit = "ns",
      target = { at_most = 150 },
      targets = { stackful = { at_most = 50 } },
    } },
  }
end

return {
  programs = { "weft", "reference", "stackful", "go1", "go", "asyncio" },
  case(1000, 2000, 100, "by 1,000"),
  case(100000, 10, 1, "by 100,000"),
}
