--- A file fetched again and again by lua-http on cqueues:
--   luajit bench/http/cqueues.lua FETCHES AT_ONCE
-- from BENCH_URL, by so many coroutines. lua-http keeps no connections for
-- requests, so each coroutine has one client and a stream for each fetch.
-- Prints the microseconds of one, and of CPU time.

local client = require "http.client"
local cqueues = require "cqueues"
local new_headers = require("http.headers").new
local usage = dofile "bench/usage.lua"

local URL = assert(os.getenv "BENCH_URL", "no BENCH_URL: bench/http/nginx")
local host, port, path = URL:match "^http://([^:/]+):(%d+)(/.*)$"
local BYTES = 1024

local fetches, at_once = ...
fetches, at_once = tonumber(fetches), tonumber(at_once)

local fetched

local function request()
  local headers = new_headers()
  headers:append(":method", "GET")
  headers:append(":scheme", "http")
  headers:append(":authority", host .. ":" .. port)
  headers:append(":path", path)
  return headers
end

local function fetch(times)
  local connection = assert(client.connect { host = host,
    port = tonumber(port), version = 1.1 })
  for _ = 1, times do
    local stream = connection:new_stream()
    assert(stream:write_headers(request(), true))
    local answer = assert(stream:get_headers())
    local body = assert(stream:get_body_as_string())
    assert(answer:get ":status" == "200" and #body == BYTES, "wrong answer")
    fetched = fetched + 1
    stream:shutdown()
  end
  connection:close()
end

local function round(times)
  fetched = 0
  local queue = cqueues.new()
  for _ = 1, at_once do queue:wrap(fetch, times / at_once) end
  assert(queue:loop())
  assert(fetched == times, "wrong number of answers")
end

round(fetches / 10)
local began, cpu_began = usage.now(), usage.cpu()
round(fetches)
print(("fetch %.3f"):format((usage.now() - began) / fetches * 1e6))
print(("cpu %.3f"):format((usage.cpu() - cpu_began) / fetches * 1e6))
