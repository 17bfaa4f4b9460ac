--- What bench/run measures of streams: a message that a server sends back. All
-- servers have the same client, which keeps one message under way on each
-- connection, and a core of their own.

-- What there is besides C and Rust.
local rest = { text = "the rest", "go", "erlang", "node", "asyncio",
  "protocol", "uvloop", "trio", "luv", "cqueues", "copas" }

local function case(connections, bytes, name)
  return {
    args = ("%d %d 1"):format(connections, bytes),
    quick = ("%d %d 1"):format(math.min(connections, 100), bytes),
    measures = {
      { key = "message", name = "echo, " .. name, unit = "us",
        target = { ratio = 1.11, of = "libuv", below = rest } },
      { key = "cpu", name = "  the server's CPU", unit = "us" },
    },
  }
end

return {
  run = "bench/served %build/echo_client %args -- %command",
  programs = { "weft", "stackful_server", "libuv", "epoll", "go", "tokio",
    "erlang", "node", "asyncio", "protocol", "uvloop", "trio", "luv",
    "cqueues", "copas" },
  case(50, 64, "50 x 64 B"),
  case(1000, 64, "1,000 x 64 B"),
  case(50, 4096, "50 x 4 KiB"),
  case(1000, 4096, "1,000 x 4 KiB"),
}
