--- An HTTP/1.1 server on the loopback whose pages behave as pages do: some are
-- slow, some fail at first, some always, some never answer.
--
-- A page is /kind/number/id, where the kind says what it does, the number how
-- much of it, and the id makes its URL another one.
-- @module support.demo_server

local net = require "weft.net"
local weft = require "weft"

local demo_server = {}

-- -- Pages -------------------------------------------------------------------
-- Each is pages.kind(stream, number, visit, id, visits), where visit counts the
-- requests for the URL from 1 on, and visits[path] those for another page.

local pages = {}

local function answer(stream, status, body, header)
  stream:write("HTTP/1.1 ", status, "\r\n", header and header .. "\r\n" or "",
    "Content-Length: ", tostring(#body), "\r\n\r\n", body)
end

local function fine(stream) answer(stream, "200 OK", "hello\n") end

pages.fast = fine

-- Answers after so many milliseconds.
function pages.slow(stream, milliseconds)
  weft.sleep(milliseconds / 1000)
  fine(stream)
end

-- Leads on so many times.
function pages.redirect(stream, hops, _, id)
  if hops == 0 then return fine(stream) end
  answer(stream, "302 Found", "",
    ("Location: /redirect/%d/%s"):format(hops - 1, id))
end

-- So many kilobytes.
function pages.large(stream, kilobytes)
  answer(stream, "200 OK", ("x"):rep(kilobytes * 1000))
end

-- Fails so many times.
function pages.flaky(stream, failures, visit)
  if visit > failures then return fine(stream) end
  answer(stream, "500 Internal Server Error", "sorry\n")
end

-- Asks once to be left alone for so many seconds.
function pages.busy(stream, seconds, visit)
  if visit > 1 then return fine(stream) end
  answer(stream, "503 Service Unavailable", "later\n",
    "Retry-After: " .. seconds)
end

function pages.missing(stream)
  answer(stream, "404 Not Found", "nothing here\n")
end

-- As many bytes as there were requests for the page that the id is the path of.
function pages.visits(stream, _, _, id, visits)
  answer(stream, "200 OK", ("x"):rep(visits["/" .. id] or 0))
end

-- Announces so many bytes and ends in their midst.
function pages.cut(stream, bytes)
  stream:write("HTTP/1.1 200 OK\r\nContent-Length: ", tostring(bytes),
    "\r\n\r\n", ("x"):rep(math.floor(bytes / 2)))
  stream:close()
end

-- Never answers; ends when the client gives up.
function pages.hanging(stream)
  while stream:read() do end
  stream:close()
end

-- -- Connections -------------------------------------------------------------

-- The path of the next request, nil when there is none. It has no body.
local function read_request(stream)
  local line = stream:read_line()
  if not line then return nil end
  for header in stream:lines() do
    if header == "\r" then return line:match "^GET (%S+)" or "/missing/0/0" end
  end
end

local function serve_page(stream, path, visits)
  visits[path] = (visits[path] or 0) + 1
  local kind, number, id = path:match "^/(%a+)/(%d+)/(.+)$"
  local page = pages[kind] or pages.missing
  page(stream, tonumber(number), visits[path], id, visits)
  return kind ~= "cut" and kind ~= "hanging"
end

local function serve(stream, visits)
  local goes_on = true
  while goes_on do
    local path = read_request(stream)
    goes_on = path and serve_page(stream, path, visits)
  end
end

-- A client that hangs up while it is served is nothing to be told of.
local function handler()
  local visits = {}
  return function(stream)
    local _, err = weft.try(serve, stream, visits)
    if err and not err:is "OSError" then error(err, 0) end
  end
end

--- Calls `fn(url)` with the server's URL and returns its results. The server
-- is there until fn ends. Parks.
---@param fn fun(url: string): ...
function demo_server.with(fn)
  local listener = net.listen { host = "127.0.0.1", port = 0 }
  return weft.group(function(group)
    group:spawn("demo server", listener.serve, listener, handler())
    return weft.finally(function()
      return fn("http://" .. listener:address())
    end, function()
      listener:close()
      group:cancel() -- what hangs
    end)
  end)
end

return demo_server
