--- What bench/run measures of threads: what handing a call to another thread
-- and its result back costs, and whether two of them keep two cores busy.

local function case(how, name)
  return {
    args = how .. " 50000 100",
    slow_args = how .. " 10000 100",
    measures = {
      { key = "call", name = name, unit = "us",
        target = { below = { text = "asyncio", "asyncio" } } },
      { key = "cpu", name = "  its CPU", unit = "us" },
    },
  }
end

local calls = { "weft", "pthread", "go1", "go", "asyncio" }
local to_thread, executor = case("calls", "to_thread, 100 at once"),
  case("executor", "executor of 2, 100 at once")
to_thread.programs, executor.programs = calls, calls

return {
  to_thread,
  executor,
  {
    programs = { "weft", "go", "asyncio" },
    args = "busy",
    measures = { {
      key = "ratio", name = "two busy threads by one", unit = "x",
      target = { at_most = 1.15 },
    } },
  },
}
