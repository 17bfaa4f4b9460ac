--- What bench/run measures of channels: a stream of items from one task to
-- another, up to its end.

local function case(capacity, name)
  return {
    args = capacity .. " 1000000",
    slow_args = capacity .. " 100000",
    measures = { { key = "item", name = name, unit = "ns" } },
  }
end

return {
  programs = { "weft", "go1", "go", "asyncio" },
  case(128, "channel item, capacity 128"),
  case(0, "channel item, rendezvous"),
}
