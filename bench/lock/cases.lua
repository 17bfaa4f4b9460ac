--- What bench/run measures of locks: ten tasks that each acquire and release
-- one lock in a loop.

local function case(work, name, target)
  return {
    args = work .. " 10 500000",
    slow_args = work .. " 10 50000",
    quick = work .. " 10 2000",
    counted = { work .. " 10 20000", work .. " 10 220000",
      operations = 220000 },
    measures = { { key = "lock", name = name, unit = "ns",
      target = target } },
  }
end

return {
  programs = { "weft", "stackful", "go1", "go", "tokio1", "tokio", "asyncio",
    "uvloop", "trio", "openresty" },
  case("plain", "lock of 10 tasks", { at_most = 28, below = "peers" }),
  case("yield", "lock of 10, yield inside", { below = "peers" }),
}
