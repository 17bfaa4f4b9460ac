--- What bench/run measures of queues: an item put by one task and got by
-- another, through a queue that holds at most 128.

local function case(kind, pairs_, name, target, programs)
  return {
    args = ("%s %d 1000000"):format(kind, pairs_),
    slow_args = ("%s %d 100000"):format(kind, pairs_),
    quick = ("%s %d 2000"):format(kind, pairs_),
    counted = { ("%s %d 20000"):format(kind, pairs_),
      ("%s %d 220000"):format(kind, pairs_), operations = 220000 },
    programs = programs,
    measures = { {
      key = "item", name = name, unit = "ns", target = target,
      targets = { stackful = { at_most = 20 } },
    } },
  }
end

local target = { at_most = 25, below = "peers" }
local priority = { "weft", "go1", "go", "asyncio", "uvloop" }

return {
  programs = { "weft", "stackful", "go1", "go", "tokio1", "tokio", "asyncio",
    "uvloop", "trio" },
  case("fifo", 1, "queue item, 1 to 1", target),
  case("fifo", 10, "queue item, 10 to 10", target),
  case("priority", 1, "priority queue item, 1 to 1", { below = "peers" },
    priority),
}
