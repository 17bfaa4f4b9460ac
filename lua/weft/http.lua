--- An HTTP client: `http.get(url)`, or a session that keeps its connections.
-- Every call waits for as long as it takes: put it in a timeout. Cancelled, it
-- aborts its transfer. A status of 400 or more is no error, unless
-- `response:raise_for_status()` makes it one.
-- @module weft.http

require "weft"
local core = require "weft.ext.http"
local errors = require "weft.error"
local http_request = require "weft.http_request"
local opened = require "weft.opened"
local response = require "weft.http_response"
local weft_core = require "weft.core"

local http = { HTTPError = response.HTTPError }

local NONE = http_request.NONE
local check, check_limit = http_request.check, http_request.check_limit
local check_options, quote = http_request.check_options, http_request.quote

-- A session; see `http.session`.
---@class weft.http.Session
local Session = {}
local metatable = { __name = "weft.http.Session", __index = Session }

-- -- Options ----------------------------------------------------------------

local REQUEST_OPTIONS = http_request.OPTIONS

local SESSION_OPTIONS = {
  base_url = "string", headers = "table", auth = "table", bearer = "string",
  redirects = "number", max_bytes = "number", user_agent = "string",
  ca_file = "string", verify = "boolean", max_connections = "number",
  max_per_host = "number",
}

-- -- Sessions ---------------------------------------------------------------

local function open_session(options)
  local code, handle = core.session()
  check(code, "an HTTP request needs a runtime: run the script with weft, or "
    .. "call it inside weft.run(function() ... end)")
  if options.user_agent then
    check(core.set_user_agent(handle, options.user_agent),
      "user_agent: %s cannot be sent", quote(options.user_agent))
  end
  if options.ca_file then
    check(core.set_ca_file(handle, options.ca_file),
      "ca_file: %s cannot be read", quote(options.ca_file))
  end
  check(core.set_verify(handle, options.verify ~= false))
  check(core.set_limits(handle,
    check_limit("max_connections", options.max_connections) or 100,
    check_limit("max_per_host", options.max_per_host) or 0))
  return handle
end

local function describe_open(self)
  if self.closed or self.run_id ~= weft_core.run_id() then return nil end
  return "an HTTP session"
end

--- Makes a session: it keeps connections for later requests, and gives its
-- options to all of them. It is to be closed, best in `weft.finally`.
--
-- Options: `base_url`, put before a URL that is none by itself; `headers`,
-- `auth`, `bearer`, `redirects` and `max_bytes`, for requests that do not bring
-- their own; `user_agent`; `ca_file`, certificates to trust instead of the
-- system's; `verify` (default true); `max_connections` (100) and `max_per_host`
-- (0), 0 for any number.
---@param options table?
---@return weft.http.Session
function http.session(options)
  options = options or {}
  check_options(options, SESSION_OPTIONS, "http.session(options)")
  local self = setmetatable({ options = options,
    handle = open_session(options), run_id = weft_core.run_id() }, metatable)
  opened.note(self, describe_open)
  return self
end

-- "https://host:1" of a URL, nil if it is none.
local function origin_of(url)
  return url:lower():match "^%a[%w+.-]*://[^/?#]*"
end

local function join(base_url, url)
  if not base_url or origin_of(url) then return url end
  if url == "" then return base_url end
  return base_url:gsub("/+$", "") .. "/" .. url:gsub("^/+", "")
end

-- What the session gives to a request for `url`: what identifies the user is
-- kept from other hosts than that of base_url.
local function defaults_for(session, url)
  local options = session.options
  local headers = options.headers or NONE
  local base = options.base_url
  if not base or origin_of(url) == origin_of(base) then
    return headers, options.auth, options.bearer
  end
  local names = { authorization = false, cookie = false }
  return http_request.merge_headers(names, headers)
end

local function prepare(session, method, url, options)
  if url == nil then
    errors.fail_argument("an HTTP request needs a url", 4)
  end
  local defaults = session.options
  url = join(defaults.base_url, url)
  local request = http_request.new(method, url, options,
    defaults_for(session, url))
  http_request.set_limits(request, options, defaults)
  return request
end

local function settle(handle, is_own, request, method, options, code, result,
    ...)
  http_request.give_back(request)
  if is_own and (code or not options.stream) then core.session_close(handle) end
  if code then errors.fail(code, result) end
  if not options.stream then return response.new(method, nil, result, ...) end
  local streamed = response.new(method, result, nil, ...)
  streamed.session, streamed.owns_session = handle, is_own
  return streamed
end

-- A session without a handle gets one that ends with the request, or with the
-- response if that is streamed.
local function perform(session, method, url, options)
  local request = prepare(session, method, url, options)
  local handle, is_own = session.handle, false
  if not handle then handle, is_own = open_session(NONE), true end
  return settle(handle, is_own, request, method, options,
    core.perform(handle, request, not options.stream))
end

--- Performs a request and waits for the response. Parks.
--
-- Options: `url`; `method` (default "GET"); `params`, for the query;
-- `headers`; one of `body`, `json` and `form`; one of `auth`, {user, password},
-- and `bearer`; `redirects`, how many to follow (10); `max_bytes` of the body;
-- `decode` (true) what is compressed; `stream`, to read the body as it comes.
--
-- Raises ArgumentError; OSError if the connection fails, IncompleteReadError or
-- LimitOverrunError by the body, ClosedError if the session is closed.
-- Cancelled, it aborts the transfer; what the server did is not known.
---@param options table
---@return weft.http.Response
function Session:request(options)
  check_options(options, REQUEST_OPTIONS, "session:request(options)")
  return perform(self, (options.method or "GET"):upper(), options.url, options)
end

--- Aborts what is under way, with a ClosedError, and closes the connections.
-- Closing twice does nothing.
function Session:close()
  self.closed = true
  core.session_close(self.handle)
end

-- -- Without a session ------------------------------------------------------

local ALONE = { options = NONE }

--- Performs a request with a session of its own, which ends with it. Options
-- as in `session:request`. Parks.
---@param options table
---@return weft.http.Response
function http.request(options)
  check_options(options, REQUEST_OPTIONS, "http.request(options)")
  return perform(ALONE, (options.method or "GET"):upper(), options.url, options)
end

-- -- Methods by name --------------------------------------------------------

-- Of `options` all count but method and url.
local function check_call(call, url, options)
  if type(url) ~= "string" then
    errors.fail_argument(call .. ": url must be a string, got " .. type(url), 3)
  end
  if options ~= NONE then check_options(options, REQUEST_OPTIONS, call) end
end

--- Performs a GET request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:get(url, options)
  check_call("http.get(url, options)", url, options or NONE)
  return perform(self, "GET", url, options or NONE)
end

--- Performs a HEAD request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:head(url, options)
  check_call("http.head(url, options)", url, options or NONE)
  return perform(self, "HEAD", url, options or NONE)
end

--- Performs a POST request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:post(url, options)
  check_call("http.post(url, options)", url, options or NONE)
  return perform(self, "POST", url, options or NONE)
end

--- Performs a PUT request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:put(url, options)
  check_call("http.put(url, options)", url, options or NONE)
  return perform(self, "PUT", url, options or NONE)
end

--- Performs a PATCH request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:patch(url, options)
  check_call("http.patch(url, options)", url, options or NONE)
  return perform(self, "PATCH", url, options or NONE)
end

--- Performs a DELETE request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:delete(url, options)
  check_call("http.delete(url, options)", url, options or NONE)
  return perform(self, "DELETE", url, options or NONE)
end

--- As `session:get`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.get(url, options)
  check_call("http.get(url, options)", url, options or NONE)
  return perform(ALONE, "GET", url, options or NONE)
end

--- As `session:head`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.head(url, options)
  check_call("http.head(url, options)", url, options or NONE)
  return perform(ALONE, "HEAD", url, options or NONE)
end

--- As `session:post`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.post(url, options)
  check_call("http.post(url, options)", url, options or NONE)
  return perform(ALONE, "POST", url, options or NONE)
end

--- As `session:put`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.put(url, options)
  check_call("http.put(url, options)", url, options or NONE)
  return perform(ALONE, "PUT", url, options or NONE)
end

--- As `session:patch`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.patch(url, options)
  check_call("http.patch(url, options)", url, options or NONE)
  return perform(ALONE, "PATCH", url, options or NONE)
end

--- As `session:delete`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.delete(url, options)
  check_call("http.delete(url, options)", url, options or NONE)
  return perform(ALONE, "DELETE", url, options or NONE)
end

return http
