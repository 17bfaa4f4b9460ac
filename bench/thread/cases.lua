--- What bench/run measures of threads: what handing a call to another thread
-- and its result back costs, and whether two of them keep two cores busy.

-- Those that hand a call to another thread too.
local alike = { text = "the rest", "asyncio", "uvloop" }

local function case(how, name, programs)
  return {
    args = how .. " 50000 100",
    slow_args = how .. " 10000 100",
    quick = how .. " 1000 100",
    programs = programs,
    measures = {
      { key = "call", name = name, unit = "us",
        target = { below = alike } },
      { key = "cpu", name = "  its CPU", unit = "us" },
    },
  }
end

return {
  case("calls", "to_thread, 100 at once", { "weft", "pthread", "go1", "go",
    "tokio", "erlang", "asyncio", "uvloop", "trio", "luv" }),
  case("executor", "executor of 2, 100 at once", { "weft", "pthread", "go1",
    "go", "node", "asyncio", "uvloop" }),
  {
    programs = { "weft", "go", "tokio", "erlang", "node", "asyncio", "trio",
      "luv" },
    args = "busy",
    quick = "busy",
    measures = { {
      key = "ratio", name = "two busy threads by one", unit = "x",
      target = { at_most = 1.15 },
    } },
  },
}
