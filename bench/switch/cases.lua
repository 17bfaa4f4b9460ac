--- What bench/run measures of switching: one weft.yield among tasks that
-- yield in turn.

local function case(tasks, name)
  return {
    args = tasks .. " 2000000",
    slow_args = tasks .. " 200000",
    quick = math.min(tasks, 100) .. " 20000",
    counted = { tasks .. " 20000", tasks .. " 220000", operations = 220000 },
    measures = { {
      key = "switch", name = "switch, " .. name, unit = "ns",
      target = { ratio = 1.5, below = "peers" },
      targets = { stackful = { at_most = 10 } },
    } },
  }
end

return {
  programs = { "weft", "reference", "stackful", "go1", "go", "tokio1", "tokio",
    "erlang", "node", "asyncio", "uvloop", "trio", "luv", "cqueues",
    "openresty" },
  case(2, "2 tasks"),
  case(1000, "1,000 tasks"),
}
