--- A name server for specs, on weft's own UDP sockets. The first label of a
-- name says how it is answered: "one" has A 192.0.2.1; "mx", "srv" and "txt"
-- such records; "nx" does not exist; "silent" gets no answer.
local bit = require "bit"
local weft = require "weft"
local testing = require "weft.testing"

local name_server = {}

local A, MX, TXT, SRV = 1, 15, 16, 33

local function number(n, bytes)
  local out = {}
  for i = bytes, 1, -1 do
    out[i] = string.char(bit.band(n, 255))
    n = bit.rshift(n, 8)
  end
  return table.concat(out)
end

local function string_of(text) return string.char(#text) .. text end

local function name_of(name)
  return name:gsub("([^.]+)%.?", string_of) .. "\0"
end

local data = {
  one = { [A] = { "\192\0\2\1" } },
  mx = { [MX] = { number(10, 2) .. name_of "mail.test",
    number(20, 2) .. name_of "other.test" } },
  srv = { [SRV] = { number(1, 2) .. number(2, 2) .. number(8080, 2)
    .. name_of "host.test" } },
  txt = { [TXT] = { string_of "v=" .. string_of "1" } },
}

local function records_of(label, kind)
  local list = data[label] and data[label][kind] or {}
  local out = {}
  for i, content in ipairs(list) do
    out[i] = "\192\12" .. number(kind, 2) .. number(1, 2) .. number(60, 4)
      .. number(#content, 2) .. content
  end
  return table.concat(out), #list
end

-- The answer to a query, or nil.
local function answer(query)
  local length = query:byte(13)
  local label = query:sub(14, 13 + length)
  local last = query:find("\0", 13, true)
  if label == "silent" then return nil end
  local kind = query:byte(last + 1) * 256 + query:byte(last + 2)
  local records, count = records_of(label, kind)
  return query:sub(1, 2) .. "\129" .. (label == "nx" and "\131" or "\128")
    .. "\0\1" .. number(count, 2) .. "\0\0\0\0" .. query:sub(13, last + 4)
    .. records
end

--- Has a server answer until the end of the test; returns its address.
-- `name_server.queries` counts.
function name_server.start()
  local socket = weft.net.udp { host = "127.0.0.1" }
  name_server.queries = 0
  local server = weft.spawn("name server", function()
    for query, _, host, port in socket:datagrams() do
      name_server.queries = name_server.queries + 1
      local reply = answer(query)
      if reply then socket:send(reply, host, port) end
    end
  end)
  testing.defer(function()
    socket:close()
    server:await()
  end)
  return socket:address()
end

return name_server
