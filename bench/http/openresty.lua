--- A file fetched again and again by cosockets of OpenResty:
--   bench/peers/openresty bench/http/openresty.lua FETCHES AT_ONCE
-- from BENCH_URL, by so many light threads. OpenResty has no HTTP client of its
-- own for timers, so this is the least of one: a request, the headers by lines,
-- and as many bytes as they say. Prints the microseconds of one, and of CPU
-- time.

local usage = dofile "bench/usage.lua"

local URL = assert(os.getenv "BENCH_URL", "no BENCH_URL: bench/http/nginx")
local host, port, path = URL:match "^http://([^:/]+):(%d+)(/.*)$"
local BYTES = 1024
local REQUEST = ("GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n"):format(path, host,
  port)

local fetches, at_once = ...
fetches, at_once = tonumber(fetches), tonumber(at_once)

local fetched

-- Reads the headers; returns the status and the length of the body.
local function read_headers(socket)
  local status = assert(socket:receive "*l"):match "^HTTP/1.1 (%d+)"
  local length
  while true do
    local line = assert(socket:receive "*l")
    if line == "" then return status, length end
    local name, value = line:match "^([^:]+):%s*(.*)$"
    if name:lower() == "content-length" then length = tonumber(value) end
  end
end

local function fetch(times)
  for _ = 1, times do
    local socket = ngx.socket.tcp()
    assert(socket:connect(host, tonumber(port)))
    assert(socket:send(REQUEST))
    local status, length = read_headers(socket)
    local body = assert(socket:receive(length))
    assert(status == "200" and #body == BYTES, "wrong answer")
    fetched = fetched + 1
    assert(socket:setkeepalive(10000, at_once))
  end
end

local function round(times)
  local threads = {}
  fetched = 0
  for i = 1, at_once do
    threads[i] = ngx.thread.spawn(fetch, times / at_once)
  end
  for i = 1, at_once do assert(ngx.thread.wait(threads[i])) end
  assert(fetched == times, "wrong number of answers")
end

round(fetches / 10)
local began, cpu_began = usage.now(), usage.cpu()
round(fetches)
print(("fetch %.3f"):format((usage.now() - began) / fetches * 1e6))
print(("cpu %.3f"):format((usage.cpu() - cpu_began) / fetches * 1e6))
