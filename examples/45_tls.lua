--- TLS: a server with a certificate, a client that trusts it, and two that have
-- reason not to.
--
--   weft examples/45_tls.lua
--
-- It prints
--   TLSv1.3, chat/1, CN=localhost
--   hello, ann
--   SELF_SIGNED_CERT: self-signed certificate
--   HOSTNAME_MISMATCH: hostname mismatch

package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. package.path

local localhost = require "support.localhost" -- a certificate and its key
local net = require "weft.net"
local weft = require "weft"

-- A server of your own gives files: cert = "server.pem", key = "server.key".
local listener = net.listen {
  host = "127.0.0.1", port = 0,
  tls = { cert = localhost.cert, key = localhost.key, alpn = { "chat/1" } },
}

-- A stream that speaks TLS is a stream like any other.
local function greet_one()
  weft.with(listener:accept(), function(stream)
    stream:write("hello, ", stream:read_line(), "\n")
  end)
end

local function be_greeted(tls)
  local stream = net.connect {
    host = "127.0.0.1", port = listener:port(), tls = tls,
  }
  weft.with(stream, function()
    local agreed = stream:tls()
    print(("%s, %s, %s"):format(agreed.version, agreed.alpn,
      agreed.peer.subject))
    stream:write "ann\n"
    print(stream:read_line())
  end)
end

for _, tls in ipairs {
  { server_name = "localhost", ca = localhost.cert, alpn = { "chat/1" } },
  { server_name = "localhost" }, -- trusts the system's authorities alone
  { server_name = "example.org", ca = localhost.cert },
} do
  weft.group(function(group)
    group:spawn("server", weft.try, greet_one) -- it is told of a refusal, too
    local _, err = weft.try(be_greeted, tls)
    if err then print(err.code .. ": " .. err.detail) end
  end)
end
listener:close()
