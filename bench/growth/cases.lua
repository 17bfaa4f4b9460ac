--- What bench/run measures of growth: what one operation costs where few tasks
-- take part, and where very many do. Within a series the worst is to cost at
-- most twice the best.

-- Tasks, how often each does it, and two smaller such numbers for counting.
local sizes = {
  { 10, 100000, 100, 2100 },
  { 1000, 1000, 10, 110 },
  { 100000, 10, 1, 3 },
  { 1000000, 2, 1, 2 },
}

local grouped = { [10] = "10", [1000] = "1,000", [100000] = "100,000",
  [1000000] = "1,000,000" }

local cases = {
  programs = { "weft", "go1", "tokio1" }, -- one thread each
}

for _, series in ipairs { "switch", "spawn", "timer", "queue" } do
  for _, size in ipairs(sizes) do
    local tasks, times, small, large = unpack(size)
    local function args(count) return ("%s %d %d"):format(series, tasks,
      count) end
    cases[#cases + 1] = {
      args = args(times),
      quick = ("%s %d 2"):format(series, math.min(tasks, 1000)),
      counted = { args(small), args(large),
        operations = tasks * (large - small) },
      curve = { series = series, tasks = tasks },
      measures = { { key = "each", unit = "ns",
        name = ("%s, %s tasks"):format(series, grouped[tasks]) } },
    }
  end
end

return cases
