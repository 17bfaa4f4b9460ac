--- An HTTP client: `http.get(url)`, or a session that keeps its connections.
-- Every call waits for as long as it takes: put it in a timeout. Cancelled, it
-- aborts its transfer. A status of 400 or more is no error, unless
-- `response:raise_for_status()` makes it one.
-- @module weft.http

require "weft"
local core = require "weft.ext.http"
local errors = require "weft.error"
local fail_unknown = require("weft.options").fail_unknown
local json = require "weft.json"
local opened = require "weft.opened"
local response = require "weft.http_response"
local weft_core = require "weft.core"

local http = { HTTPError = response.HTTPError }

-- A session; see `http.session`.
---@class weft.http.Session
local Session = {}
local metatable = { __name = "weft.http.Session", __index = Session }

-- -- Options ----------------------------------------------------------------

local REQUEST_OPTIONS = {
  method = "string", url = "string", params = "table", headers = "table",
  body = "string", json = "any", form = "table", auth = "table",
  bearer = "string", redirects = "number", max_bytes = "number",
  decode = "boolean", stream = "boolean",
}

local SESSION_OPTIONS = {
  base_url = "string", headers = "table", auth = "table", bearer = "string",
  redirects = "number", max_bytes = "number", user_agent = "string",
  ca_file = "string", verify = "boolean", max_connections = "number",
  max_per_host = "number",
}

local function check_options(options, known, call)
  if type(options) ~= "table" then
    errors.fail_argument(("%s: options must be a table, got %s")
      :format(call, type(options)), 4)
  end
  for name, value in pairs(options) do
    local kind = known[name]
    if not kind then
      fail_unknown(call, name, known, 4)
    elseif kind ~= "any" and type(value) ~= kind then
      errors.fail_argument(("%s: %s must be a %s, got %s")
        :format(call, name, kind, type(value)), 4)
    end
  end
end

-- Whole numbers from zero on are all that a limit can be.
local function check_limit(name, value)
  if value ~= nil and not (value >= 0 and value % 1 == 0) then
    errors.fail_argument(("%s must be a whole number of at least 0, got %s")
      :format(name, tostring(value)), 4)
  end
  return value
end

-- For a message, which is one line.
local function quote(text)
  return (("%q"):format(text):gsub("\\\n", "\\n"):gsub("[%z\r]", "?"))
end

-- A code of a setter, which says no more than that it is wrong.
local function check(code, text, ...)
  if code then errors.fail(code, text and text:format(...)) end
end

-- -- Building a request -----------------------------------------------------

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

-- Calls add(request, name, value) for each pair of `map`, sorted by name; a
-- value may be a list of them.
local function add_pairs(request, add, map, what)
  for _, name in ipairs(sorted_keys(map)) do
    local values = map[name]
    if type(name) ~= "string" then
      errors.fail_argument(what .. ": a name must be a string, got "
        .. tostring(name), 4)
    end
    for _, value in ipairs(type(values) == "table" and values or { values }) do
      local kind = type(value)
      if kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
        errors.fail_argument(("%s: %s must be a string, number or boolean, "
          .. "got %s"):format(what, name, kind), 4)
      end
      check(add(request, name, tostring(value)), "%s: %s: %s cannot be sent",
        what, quote(name), quote(tostring(value)))
    end
  end
end

local function add_body(request, options)
  local given = (options.body and 1 or 0) + (options.form and 1 or 0)
    + (options.json ~= nil and 1 or 0)
  if given > 1 then
    errors.fail_argument("an HTTP request: only one of body, json and form", 4)
  end
  if options.form then
    add_pairs(request, core.add_field, options.form, "form")
  elseif options.json ~= nil then
    check(core.set_body(request, json.encode(options.json)))
  elseif options.body then
    check(core.set_body(request, options.body))
  end
end

local function add_credentials(request, options)
  if options.auth and options.bearer then
    errors.fail_argument("an HTTP request: only one of auth and bearer", 4)
  end
  if options.auth then
    local user, password = unpack(options.auth, 1, 2)
    if type(user) ~= "string" or type(password) ~= "string" then
      errors.fail_argument("auth must be {user, password}, two strings", 4)
    end
    check(core.set_basic(request, user, password),
      "auth: no colon can be in the user's name %s", quote(user))
  elseif options.bearer then
    check(core.set_bearer(request, options.bearer),
      "bearer: a token has no control characters")
  end
end

local function has_name(headers, name)
  for key in pairs(headers) do
    if tostring(key):lower() == name then return true end
  end
  return false
end

-- The request's headers, and those of `defaults` that it does not have.
local function merge_headers(headers, defaults)
  local merged = {}
  for name, value in pairs(headers or {}) do merged[name] = value or nil end
  for name, value in pairs(defaults) do
    if not has_name(headers or {}, name:lower()) then merged[name] = value end
  end
  return merged
end

local function add_headers(request, options, defaults)
  local headers = merge_headers(options.headers, defaults)
  if options.json ~= nil then
    headers = merge_headers(headers, { ["Content-Type"] = "application/json" })
  end
  add_pairs(request, core.add_header, headers, "headers")
end

local function new_request(options, url, defaults)
  local method = (options.method or "GET"):upper()
  if not method:find "^[%w!#$%%&'*+.^_`|~-]+$" or method == "CONNECT" then
    errors.fail_argument("method: " .. quote(method) .. " is none", 4)
  end
  local code, request = core.request(method, url)
  check(code, "url: %s is no http or https URL", quote(url))
  if options.params then
    add_pairs(request, core.add_param, options.params, "params")
  end
  add_headers(request, options, defaults)
  add_body(request, options)
  add_credentials(request, options)
  check(options.redirects and core.set_redirects_max(request,
    check_limit("redirects", options.redirects)))
  check(options.max_bytes and core.set_body_max(request,
    check_limit("max_bytes", options.max_bytes)))
  check(core.set_decode(request, options.decode ~= false))
  check(core.set_stream(request, options.stream))
  return request, method
end

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
  local headers = options.headers or {}
  local base = options.base_url
  if not base or origin_of(url) == origin_of(base) then
    return headers, options.auth, options.bearer
  end
  local names = { authorization = false, cookie = false }
  return merge_headers(names, headers)
end

local function prepare(session, options)
  if options.url == nil then
    errors.fail_argument("an HTTP request needs a url", 4)
  end
  local url = join(session.options.base_url, options.url)
  local headers, auth, bearer = defaults_for(session, url)
  local full = setmetatable({}, { __index = options })
  if not options.auth and not options.bearer then
    full.auth, full.bearer = auth, bearer
  end
  full.redirects = options.redirects or session.options.redirects
  full.max_bytes = options.max_bytes or session.options.max_bytes
  local request, method = new_request(full, url, headers)
  return request, { method = method, stream = options.stream }
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
  local request, asked = prepare(self, options)
  local code, handle = core.perform(self.handle, request)
  if code then errors.fail(code, handle) end
  return response.new(handle, asked, self.handle, false)
end

--- Aborts what is under way, with a ClosedError, and closes the connections.
-- Closing twice does nothing.
function Session:close()
  self.closed = true
  core.session_close(self.handle)
end

-- -- Without a session ------------------------------------------------------

--- Performs a request with a session of its own, which ends with it. Options
-- as in `session:request`. Parks.
---@param options table
---@return weft.http.Response
function http.request(options)
  check_options(options, REQUEST_OPTIONS, "http.request(options)")
  local request, asked = prepare({ options = {} }, options)
  local session = open_session {}
  local code, handle = core.perform(session, request)
  if code or not options.stream then core.session_close(session) end
  if code then errors.fail(code, handle) end
  return response.new(handle, asked, session, true)
end

-- -- Methods by name --------------------------------------------------------

local function with_method(name, url, options)
  local call = "http." .. name .. "(url, options)"
  if type(url) ~= "string" then
    errors.fail_argument(call .. ": url must be a string, got " .. type(url), 3)
  end
  check_options(options or {}, REQUEST_OPTIONS, call)
  local full = { method = name:upper(), url = url }
  for key, value in pairs(options or {}) do full[key] = full[key] or value end
  return full
end

--- Performs a GET request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:get(url, options)
  return self:request(with_method("get", url, options))
end

--- Performs a HEAD request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:head(url, options)
  return self:request(with_method("head", url, options))
end

--- Performs a POST request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:post(url, options)
  return self:request(with_method("post", url, options))
end

--- Performs a PUT request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:put(url, options)
  return self:request(with_method("put", url, options))
end

--- Performs a PATCH request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:patch(url, options)
  return self:request(with_method("patch", url, options))
end

--- Performs a DELETE request; options as in `session:request`. Parks. Raises as
-- `session:request` does.
---@param url string
---@param options table?
---@return weft.http.Response
function Session:delete(url, options)
  return self:request(with_method("delete", url, options))
end

--- As `session:get`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.get(url, options)
  return http.request(with_method("get", url, options))
end

--- As `session:head`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.head(url, options)
  return http.request(with_method("head", url, options))
end

--- As `session:post`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.post(url, options)
  return http.request(with_method("post", url, options))
end

--- As `session:put`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.put(url, options)
  return http.request(with_method("put", url, options))
end

--- As `session:patch`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.patch(url, options)
  return http.request(with_method("patch", url, options))
end

--- As `session:delete`, with a session of its own. Parks.
---@param url string
---@param options table?
---@return weft.http.Response
function http.delete(url, options)
  return http.request(with_method("delete", url, options))
end

return http
