--- What bench/run measures of HTTP: small files fetched from a local nginx, by
-- as many tasks as there are to be at once, each of which fetches one after the
-- other on connections that are kept.

-- What weft is to be ahead of: libraries that are not written in C or Rust.
local rest = { text = "Go, Node, Lua, Python", "go1", "go", "node", "aiohttp",
  "aiohttp_uvloop", "httpx", "lua_http", "openresty" }

return {
  needs = { "nginx", package = "nginx-light" },
  run = "bench/http/nginx %command %args",
  programs = { "weft", "libcurl", "go1", "go", "hyper", "httpc", "node",
    "aiohttp", "aiohttp_uvloop", "httpx", "lua_http", "openresty" },
  {
    args = "20000 50",
    slow_args = "2000 50",
    quick = "200 10",
    measures = {
      { key = "fetch", name = "a fetch of 1 KiB, 50 at once", unit = "us",
        target = { below = { text = "asyncio", "aiohttp" } } },
      { key = "cpu", name = "  the client's CPU", unit = "us",
        target = { below = rest } },
    },
  },
}
