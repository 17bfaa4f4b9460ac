--- What bench/run measures of files: one that is read from its beginning to its
-- end, and many small ones at once. They are in the page cache, so that what is
-- measured is what the program adds to the kernel's copying.

local rest = { "go1", "go", "tokio", "erlang", "node", "asyncio", "uvloop",
  "trio", "luv" }

local function programs(...)
  local list = { ... }
  for _, name in ipairs(rest) do list[#list + 1] = name end
  return list
end

return {
  make = "bench/file/make",
  {
    programs = programs("weft", "cat", "read"),
    args = "large %dir/large",
    quick = "large %dir/large",
    measures = {
      { key = "large", name = "a file of 1 GiB", unit = "ms",
        target = { ratio = 1.25, of = "cat" } },
      { key = "cpu", name = "  its CPU", unit = "ms" },
    },
  },
  {
    programs = { "weft", "cat", "read", "go1", "go" },
    args = "into %dir/large",
    quick = "into %dir/large",
    measures = {
      { key = "into", name = "a file of 1 GiB, into one buffer", unit = "ms",
        target = { ratio = 1.25, of = "cat",
          below = { text = "Go", "go1", "go" } } },
      { key = "cpu", name = "  its CPU", unit = "ms" },
    },
  },
  {
    programs = programs("weft", "read"),
    args = "small %dir/small 2000",
    quick = "small %dir/small 200",
    measures = {
      { key = "small", name = "a file of 4 KiB, of 2,000", unit = "us",
        target = { below = { text = "asyncio", "asyncio" } } },
      { key = "cpu", name = "  its CPU", unit = "us" },
    },
  },
}
