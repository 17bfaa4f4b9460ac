--- What bench/run measures of channels: a stream of items from one task to
-- another, up to its end.

local function case(capacity, name, programs)
  return {
    args = capacity .. " 1000000",
    slow_args = capacity .. " 100000",
    quick = capacity .. " 2000",
    counted = { capacity .. " 20000", capacity .. " 220000",
      operations = 220000 },
    programs = programs,
    measures = { { key = "item", name = name, unit = "ns",
      target = { below = "peers" } } },
  }
end

return {
  programs = { "weft", "go1", "go", "tokio1", "tokio", "asyncio", "uvloop",
    "trio" },
  case(128, "channel item, capacity 128"),
  -- tokio's channels have room for one item at least.
  case(0, "channel item, rendezvous", { "weft", "go1", "go", "asyncio",
    "uvloop", "trio" }),
}
