--- What bench/run measures of starting: a program that starts its scheduler,
-- runs one task that does nothing, and ends. bench/startup/launch.c runs it,
-- so nothing is warmed up within, but the page cache is.

return {
  run = "%build/startup_launch %args %command",
  programs = { "weft", "nothing", "luajit", "luv", "cqueues", "go", "tokio",
    "erlang", "node", "asyncio", "uvloop", "trio" },
  {
    args = "10",
    quick = "3",
    measures = {
      { key = "start", name = "start to end", unit = "ms",
        target = { below = { text = "asyncio", "asyncio" } } },
      { key = "cpu", name = "  its CPU", unit = "ms" },
      { key = "peak", name = "  its peak memory", unit = "MB" },
    },
  },
}
