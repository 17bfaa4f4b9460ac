--- HTTP: one request, several at once, and what can go wrong.
--
--   weft examples/42_http_get.lua
--
-- The pages are those of a server on the loopback, so that it works anywhere.
-- It prints
--   200 OK, 6 bytes
--   redirected 3 times, then 200
--   3 pages of 200 ms each in less than 400 ms: true
--   404: HTTPError
--   a page that ends early: IncompleteReadError
--   a page that never answers: TimeoutError
--
-- fetch_all.lua goes on from here: limits, retries, a report.

package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. package.path

local demo_server = require "support.demo_server"
local http = require "weft.http"
local weft = require "weft"

local function show_failure(what, fn, ...)
  local _, err = weft.try(fn, ...)
  print(what .. ": " .. err.name)
end

demo_server.with(function(url)
  local response = http.get(url .. "/fast/0/1")
  print(("%d %s, %d bytes"):format(response.status, response.reason,
    #response.body))

  response = http.get(url .. "/redirect/3/1")
  print(("redirected %d times, then %d"):format(response.redirects,
    response.status))

  local began = weft.now()
  weft.map({ 1, 2, 3 }, function(id)
    return http.get(url .. "/slow/200/" .. id):raise_for_status()
  end)
  print("3 pages of 200 ms each in less than 400 ms: "
    .. tostring(weft.now() - began < 0.4))

  -- A status of 400 or more is a response like any other, until asked about.
  response = http.get(url .. "/missing/0/1")
  show_failure(response.status, response.raise_for_status, response)
  show_failure("a page that ends early", http.get, url .. "/cut/5000/1")
  show_failure("a page that never answers", weft.timeout, 0.1, function()
    return http.get(url .. "/hanging/0/1")
  end)
end)
