--- A file fetched again and again: weft bench/http/http.lua FETCHES AT_ONCE
-- from BENCH_URL, by so many tasks. Prints the microseconds of one, and of CPU
-- time.

local http = require "weft.http"
local usage = dofile "bench/usage.lua"
local weft = require "weft"

local URL = assert(os.getenv "BENCH_URL", "no BENCH_URL: bench/http/nginx")
local BYTES = 1024

local fetches, at_once = ...
fetches, at_once = tonumber(fetches), tonumber(at_once)

local fetched

local function fetch(session, times)
  for _ = 1, times do
    local answer = session:get(URL)
    assert(answer.status == 200 and #answer.body == BYTES, "wrong answer")
    fetched = fetched + 1
  end
end

local function round(session, times)
  fetched = 0
  weft.group(function(group)
    for _ = 1, at_once do group:spawn(fetch, session, times / at_once) end
  end)
  assert(fetched == times, "wrong number of answers")
end

weft.with(http.session { max_per_host = at_once }, function(session)
  round(session, fetches / 10)
  local began, cpu_began = weft.now(), usage.cpu()
  round(session, fetches)
  print(("fetch %.3f"):format((weft.now() - began) / fetches * 1e6))
  print(("cpu %.3f"):format((usage.cpu() - cpu_began) / fetches * 1e6))
end)
