--- What `weft.http` asks: options checked, and made into a request of the C
-- side.
-- @module weft.http_request

require "weft"
local entries = require "weft.entries"
local core = require "weft.ext.http"
local errors = require "weft.error"
local fail_unknown = require("weft.options").fail_unknown
local json = require "weft.json"

local http_request = {}

-- No options, no headers.
local NONE = {}

-- -- Options ----------------------------------------------------------------

http_request.OPTIONS = {
  method = "string", url = "string", params = "table", headers = "table",
  body = "string", json = "any", form = "table", auth = "table",
  bearer = "string", redirects = "number", max_bytes = "number",
  decode = "boolean", stream = "boolean",
}

--- Raises ArgumentError, at the caller of `call`, for an option that is not
-- among `known` or of another kind.
function http_request.check_options(options, known, call)
  if type(options) ~= "table" then
    errors.fail_argument(("%s: options must be a table, got %s")
      :format(call, type(options)), 4)
  end
  for name, value in entries(options) do
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
  for key in entries(map) do keys[#keys + 1] = key end
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
      local code = add(request, name, tostring(value))
      if code then
        check(code, "%s: %s: %s cannot be sent", what, quote(name),
          quote(tostring(value)))
      end
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

local function add_credentials(request, auth, bearer)
  if auth and bearer then
    errors.fail_argument("an HTTP request: only one of auth and bearer", 4)
  end
  if auth then
    local user, password = unpack(auth, 1, 2)
    if type(user) ~= "string" or type(password) ~= "string" then
      errors.fail_argument("auth must be {user, password}, two strings", 4)
    end
    check(core.set_basic(request, user, password),
      "auth: no colon can be in the user's name %s", quote(user))
  elseif bearer then
    check(core.set_bearer(request, bearer),
      "bearer: a token has no control characters")
  end
end

local function has_name(headers, name)
  for key in entries(headers) do
    if tostring(key):lower() == name then return true end
  end
  return false
end

-- The request's headers, and those of `defaults` that it does not have.
local function merge_headers(headers, defaults)
  local merged = {}
  for name, value in entries(headers or {}) do merged[name] = value or nil end
  for name, value in entries(defaults) do
    if not has_name(headers or {}, name:lower()) then merged[name] = value end
  end
  return merged
end

local function add_headers(request, options, defaults)
  if defaults == NONE and not options.headers and options.json == nil then
    return
  end
  local headers = merge_headers(options.headers, defaults)
  if options.json ~= nil then
    headers = merge_headers(headers, { ["Content-Type"] = "application/json" })
  end
  add_pairs(request, core.add_header, headers, "headers")
end

local METHODS = { GET = true, HEAD = true, POST = true, PUT = true,
  PATCH = true, DELETE = true }

local function check_method(method)
  if not method:find "^[%w!#$%%&'*+.^_`|~-]+$" or method == "CONNECT" then
    errors.fail_argument("method: " .. quote(method) .. " is none", 5)
  end
end

-- Requests that were performed, for their userdata are dear to make and to
-- collect.
local spent = {}
local SPENT_MAX = 64

--- Keeps a request that was performed for the next one.
function http_request.give_back(request)
  if #spent < SPENT_MAX then spent[#spent + 1] = request end
end

local function take_spent()
  local count = #spent
  local request = spent[count]
  spent[count] = nil
  return request
end

--- Makes the request of `options`; headers and credentials are the session's.
function http_request.new(method, url, options, headers, auth, bearer)
  if not METHODS[method] then check_method(method) end
  local code, request = core.request(method, url, take_spent())
  if code then check(code, "url: %s is no http or https URL", quote(url)) end
  if options == NONE and headers == NONE and not auth and not bearer then
    return request
  end
  if options.params then
    add_pairs(request, core.add_param, options.params, "params")
  end
  add_headers(request, options, headers)
  add_body(request, options)
  if options.auth or options.bearer then
    auth, bearer = options.auth, options.bearer
  end
  add_credentials(request, auth, bearer)
  if options.decode == false then check(core.set_decode(request, false)) end
  if options.stream then check(core.set_stream(request, true)) end
  return request
end

--- Sets the limits that `options` or the session's `defaults` have, if any.
function http_request.set_limits(request, options, defaults)
  local redirects = options.redirects or defaults.redirects
  if redirects then
    check(core.set_redirects_max(request, check_limit("redirects", redirects)))
  end
  local max_bytes = options.max_bytes or defaults.max_bytes
  if max_bytes then
    check(core.set_body_max(request, check_limit("max_bytes", max_bytes)))
  end
end

http_request.NONE = NONE
http_request.check = check
http_request.check_limit = check_limit
http_request.merge_headers = merge_headers
http_request.quote = quote

return http_request
