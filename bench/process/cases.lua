--- What bench/run measures of processes: /bin/true, run to its end 500 times,
-- 20 at once, its input and outputs /dev/null, or the outputs read by pipes.

local function case(how, name)
  return {
    args = how .. " 500 20",
    quick = how .. " 20 5",
    measures = {
      { key = "process", name = name, unit = "us",
        target = { ratio = 1.1, of = "posix_spawn",
          below = { text = "Go, Node.js, asyncio", "go1", "go", "node",
            "asyncio" } } },
      { key = "cpu", name = "  CPU, its own included", unit = "us" },
    },
  }
end

return {
  programs = { "weft", "posix_spawn", "go1", "go", "tokio", "node", "asyncio",
    "uvloop", "trio", "luv" },
  case("null", "/bin/true"),
  case("pipes", "/bin/true, its outputs read"),
}
