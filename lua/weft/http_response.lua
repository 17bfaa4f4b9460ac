--- The response of an HTTP request; made by `weft.http`.
-- A body that was waited for is in `body`. Of one that is streamed, `read`,
-- `chunks` and `read_all` wait for what comes, and the response must be closed;
-- best in `weft.finally`. What is not read is not fetched either.
-- @module weft.http_response

local codes = require "weft.codes"
local core = require "weft.ext.http"
local errors = require "weft.error"
local json = require "weft.json"

local http_response = {}

--- The error of `raise_for_status`; it has `status`, `url` and `response`.
http_response.HTTPError = errors.error_class "HTTPError"

-- A response; `headers` gives a header's value by name in any case, repeated
-- ones joined by ", ", and as a list all of them as `{name=, value=}`.
---@class weft.http.Response
---@field status number
---@field ok boolean whether the status is 200 to 299
---@field reason string the words after the status, "" if there were none
---@field headers table
---@field body string? nil if it is streamed
---@field url string the one that answered, after redirects
---@field redirects number how many were followed
---@field version number of HTTP: 1, 1.1 or 2
---@field elapsed number seconds, from the call to the response
---@field times table seconds: connected, secured, first_byte
local Response = {}

-- -- Headers ----------------------------------------------------------------

local headers_metatable = {
  __name = "weft.http.Headers",
  __index = function(headers, name)
    return type(name) == "string" and rawget(headers, name:lower()) or nil
  end,
}

-- Of names and values, each with a zero byte behind it.
local function parse_headers(text)
  local headers = {}
  for name, value in text:gmatch "([^%z]*)%z([^%z]*)%z" do
    headers[#headers + 1] = { name = name, value = value }
    name = name:lower()
    local before = rawget(headers, name)
    headers[name] = before and before .. ", " .. value or value
  end
  return setmetatable(headers, headers_metatable)
end

--- All values of the headers called `name`, in any case, as a list.
---@param name string
---@return table
function Response:header_values(name)
  local values = {}
  for _, header in ipairs(self.headers) do
    if header.name:lower() == name:lower() then
      values[#values + 1] = header.value
    end
  end
  return values
end

-- -- The body ---------------------------------------------------------------

local EEND = codes.EEND -- that was all

-- What is there, once there is something; nil at the end.
local function wait_for_bytes(handle, max)
  while true do
    local code, message = core.fill(handle)
    if code == EEND then return nil end
    if code then errors.fail(code, message) end
    local _, bytes = core.take(handle, max)
    -- Another task that reads may have been faster.
    if bytes ~= "" then return bytes end
  end
end

--- The next bytes of a streamed body: at least one, at most `max` (default all
-- that are there); nil at the end. Parks.
---@param max number?
---@return string?
function Response:read(max)
  if max ~= nil and (type(max) ~= "number" or max ~= max or max < 1) then
    errors.fail_argument("response:read(max): max must be at least 1, got "
      .. tostring(max))
  end
  if self.body then
    errors.fail_state("response:read: the body is in response.body; "
      .. "ask with stream=true to read it as it comes")
  end
  return wait_for_bytes(self.handle, max)
end

--- Iterates over a streamed body as it comes. Parks.
---@return fun():string?
function Response:chunks()
  return function() return self:read() end
end

--- The whole body, or what of a streamed one was not read yet. Parks.
---@return string
function Response:read_all()
  if self.body then return self.body end
  local pieces = {}
  for piece in self:chunks() do pieces[#pieces + 1] = piece end
  return table.concat(pieces)
end

--- The body, read as JSON. Parks if it is streamed.
---@return any
function Response:json()
  return json.decode(self:read_all())
end

--- Gives up what was not read of a streamed body. Closing twice does nothing.
function Response:close()
  if self.handle then core.response_close(self.handle) end
  if self.owns_session then core.session_close(self.session) end
end

-- -- The status -------------------------------------------------------------

--- Raises an HTTPError if the status is 400 or more; else returns the response.
---@return weft.http.Response
function Response:raise_for_status()
  if self.status < 400 then return self end
  local status = (self.status .. " " .. self.reason):gsub("%s+$", "")
  error(http_response.HTTPError(self.method .. " " .. self.url
    .. " was answered with " .. status, {
      status = self.status, url = self.url, response = self,
    }), 0)
end

-- -- Making one -------------------------------------------------------------

-- Fields that are made of others when they are asked for, most never.
local LATE = {
  headers = function(self) return parse_headers(self.head) end,
  times = function(self)
    return { connected = self.connected, secured = self.secured,
      first_byte = self.first_byte }
  end,
}

local metatable = {
  __name = "weft.http.Response",
  __index = function(self, key)
    local make = LATE[key]
    if not make then return Response[key] end
    local value = make(self)
    rawset(self, key, value)
    return value
  end,
}

--- The response of the C side: what `core.perform` returned, after its handle
-- or its body.
function http_response.new(method, handle, body, status, version, reason, url,
    redirects, elapsed, connected, secured, first_byte, head)
  return setmetatable({
    status = status, ok = status >= 200 and status < 300, reason = reason,
    body = body, url = url, redirects = redirects, version = version,
    elapsed = elapsed, method = method, handle = handle, head = head,
    connected = connected, secured = secured, first_byte = first_byte,
  }, metatable)
end

return http_response
