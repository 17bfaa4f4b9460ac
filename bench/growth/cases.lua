--- What bench/run measures of growth: what one operation costs where few tasks
-- take part, and where very many do. Within a series the worst is to cost at
-- most twice the best.

-- Tasks, how often each does it, and for counting two smaller such numbers.
local sizes = {
  { tasks = 10, times = 100000, counted = { 100, 2100 } },
  { tasks = 1000, times = 1000, counted = { 10, 110 } },
  { tasks = 100000, times = 10, counted = { 1, 3 } },
  { tasks = 1000000, times = 2, counted = { 1, 2 } },
}

-- An item is little work beside the making of its tasks, and the first are not
-- yet compiled: so there are `more` to be counted. Two tasks take part in one.
local series = {
  { name = "switch" },
  { name = "spawn" },
  { name = "timer" },
  { name = "queue", more = 20, by = 2 },
}

local grouped = { [10] = "10", [1000] = "1,000", [100000] = "100,000",
  [1000000] = "1,000,000" }

local function case(work, size)
  local more, by = work.more or 1, work.by or 1
  local small, large = size.counted[1] * more, size.counted[2] * more
  local function args(times)
    return ("%s %d %d"):format(work.name, size.tasks, times)
  end
  return {
    args = args(size.times),
    quick = ("%s %d 2"):format(work.name, math.min(size.tasks, 1000)),
    counted = { args(small), args(large),
      operations = size.tasks * (large - small) / by },
    curve = { series = work.name, tasks = size.tasks },
    measures = { { key = "each", unit = "ns",
      name = ("%s, %s tasks"):format(work.name, grouped[size.tasks]) } },
  }
end

local cases = {
  programs = { "weft", "go1", "tokio1" }, -- one thread each
}

for _, work in ipairs(series) do
  for _, size in ipairs(sizes) do
    cases[#cases + 1] = case(work, size)
  end
end

return cases
