--- HTTP requests, responses, redirects, failures, sessions and streaming,
-- against a server on the loopback; and JSON.

local weft = require "weft"
local helper = require "helper"
local http = require "weft.http"
local json = require "weft.json"
local net = require "weft.net"
local testing = require "weft.testing"

-- -- A server ---------------------------------------------------------------
-- On the loopback; the path of a request says how it is answered.

local function read_request(stream)
  local line = stream:read_line()
  if not line then return nil end
  local request = { headers = {}, lines = {} }
  request.method, request.target = line:match "^(%S+) (%S+)"
  request.path = request.target:match "^[^?]*"
  for header in stream:lines() do
    local name, value = header:match "^([^:]+): ?(.-)\r?$"
    if not name then break end
    request.headers[name:lower()] = value
    table.insert(request.lines, name .. ": " .. value)
  end
  request.body = stream:read_exactly(
    tonumber(request.headers["content-length"] or 0))
  return request
end

local function answer(stream, status, headers, body)
  table.insert(headers, "Content-Length: " .. #body)
  stream:write("HTTP/1.1 " .. status .. "\r\n"
    .. table.concat(headers, "\r\n") .. "\r\n\r\n" .. body)
end

local routes = {}

routes["/ok"] = function(stream)
  answer(stream, "200 OK", { "X-A: 1", "x-a: 2", "Set-Cookie: c" }, "hello")
end

-- What was asked, as JSON.
routes["/echo"] = function(stream, request)
  answer(stream, "200 OK", { "Content-Type: application/json" }, json.encode {
    method = request.method, target = request.target, body = request.body,
    headers = request.headers, lines = json.array(request.lines),
  })
end

routes["/away"] = function(stream, _, server)
  answer(stream, "302 Found", {
    "Location: http://localhost:" .. server.port .. "/echo",
  }, "")
end

routes["/loop"] = function(stream)
  answer(stream, "301 Moved", { "Location: /loop" }, "")
end

routes["/broken"] = function(stream)
  stream:write "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
  stream:close()
end

routes["/half"] = function(stream)
  stream:write "HTTP/1.1 200 OK\r\nContent-Le"
  stream:close()
end

-- Three chunks; the second and third once the test says so.
routes["/chunks"] = function(stream, _, server)
  stream:write "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
  for _, text in ipairs { "one", "two", "three" } do
    stream:write(("%x\r\n%s\r\n"):format(#text, text))
    server.go:acquire()
  end
  stream:write "0\r\n\r\n"
end

-- Never answers; the test is told of the request and of the hanging up.
routes["/hang"] = function(stream, _, server)
  server.arrived:set()
  stream:read()
  server.gone:set()
end

routes["/last"] = function(stream) answer(stream, "200 OK", {}, "bye") end

-- Those that leave the connection of no use.
local closing = { ["/broken"] = true, ["/half"] = true, ["/hang"] = true,
  ["/last"] = true }

local function serve(server, stream)
  server.connections = server.connections + 1
  for request in read_request, stream do
    server.requests = server.requests + 1
    local route = routes[request.path]
    if route then route(stream, request, server)
    else answer(stream, "404 Not Found", {}, "nothing here") end
    if closing[request.path] then return end
  end
end

-- A server until the end of the test; returns its URL, and what the routes know
-- of it.
local function start_server()
  local server = {
    connections = 0, requests = 0,
    go = weft.semaphore(0), arrived = weft.event(), gone = weft.event(),
  }
  server.port = testing.serve(function(stream) serve(server, stream) end).port
  return "http://127.0.0.1:" .. server.port, server
end

local function with_session(url, options, fn)
  options.base_url = url
  local session = http.session(options)
  local ok, err = pcall(fn, session)
  session:close()
  if not ok then error(err, 0) end
end

-- -- Responses --------------------------------------------------------------

describe("an HTTP response", function()
  it("has status, headers in any case, body, URL and times", function()
    local url = start_server()
    local response = http.get(url .. "/ok")
    assert.equal(200, response.status)
    assert.is_true(response.ok)
    assert.equal("OK", response.reason)
    assert.equal("hello", response.body)
    assert.equal("hello", response:read_all())
    assert.equal("1, 2", response.headers["X-A"])
    assert.is_nil(response.headers["X-B"])
    assert.same({ "1", "2" }, response:header_values "X-a")
    assert.same({ name = "Set-Cookie", value = "c" }, response.headers[3])
    assert.equal(url .. "/ok", response.url)
    assert.equal(1.1, response.version)
    assert.equal(0, response.redirects)
    assert.is_true(response.elapsed >= response.times.first_byte)
  end)

  it("with any status is no error, until asked for", function()
    local url = start_server()
    local response = http.get(url .. "/nowhere")
    assert.equal(404, response.status)
    assert.is_false(response.ok)
    local err = helper.error_of(response.raise_for_status, response)
    assert.is_true(err:is(http.HTTPError))
    assert.equal(404, err.status)
    assert.equal(response, err.response)
    assert.equal("GET " .. url .. "/nowhere was answered with 404 Not Found",
      err.message)
    local fine = http.get(url .. "/ok")
    assert.equal(fine, fine:raise_for_status())
  end)

  it("is read as JSON, or says why not", function()
    local url = start_server()
    assert.equal("GET", http.get(url .. "/echo"):json().method)
    local err = helper.error_of(function() http.get(url .. "/ok"):json() end)
    assert.is_true(err:is(json.JSONError))
  end)
end)

-- -- Requests ---------------------------------------------------------------

describe("an HTTP request", function()
  it("has parameters, sorted and encoded", function()
    local url = start_server()
    local asked = http.get(url .. "/echo?z=1", {
      params = { a = "b c&d", n = 1.5, list = { 1, 2 }, flag = true },
    }):json()
    assert.equal("/echo?z=1&a=b%20c%26d&flag=true&list=1&list=2&n=1.5",
      asked.target)
  end)

  it("has headers, also repeated ones", function()
    local url = start_server()
    local asked = http.get(url .. "/echo", {
      headers = { ["X-Two"] = { "a", "b" }, ["User-Agent"] = "me" },
    }):json()
    local lines = table.concat(asked.lines, "\n")
    assert.truthy(lines:find("X-Two: a\nX-Two: b", 1, true))
    assert.equal("me", asked.headers["user-agent"])
  end)

  it("has any method", function()
    local url = start_server()
    for _, name in ipairs { "get", "post", "put", "patch", "delete" } do
      assert.equal(name:upper(), http[name](url .. "/echo"):json().method)
    end
    assert.equal("PURGE",
      http.request { method = "purge", url = url .. "/echo" }:json().method)
    assert.equal("", http.head(url .. "/head").body)
  end)

  it("has a body: bytes, JSON or a form", function()
    local url = start_server()
    local bytes = http.post(url .. "/echo", { body = "a\nb" }):json()
    assert.equal("a\nb", bytes.body)
    assert.is_nil(bytes.headers["content-type"])
    local object = http.put(url .. "/echo", { json = { a = json.array() } })
    assert.equal('{"a":[]}', object:json().body)
    assert.equal("application/json", object:json().headers["content-type"])
    local form = http.post(url .. "/echo", { form = { a = "1 2", b = 3 } })
    assert.equal("a=1%202&b=3", form:json().body)
    assert.equal("application/x-www-form-urlencoded",
      form:json().headers["content-type"])
  end)

  it("has credentials", function()
    local url = start_server()
    local basic = http.get(url .. "/echo", { auth = { "ann", "s" } })
    assert.equal("Basic YW5uOnM=", basic:json().headers.authorization)
    local bearer = http.get(url .. "/echo", { bearer = "t" })
    assert.equal("Bearer t", bearer:json().headers.authorization)
  end)

  it("says what is wrong with its options", function()
    local function message_of(...)
      local err = helper.error_of(http.get, ...)
      assert.is_true(err:is "ArgumentError")
      return err.message
    end
    local url = "http://127.0.0.1/"
    assert.equal('url: "nonsense" is no http or https URL',
      message_of "nonsense")
    assert.equal('url: "ftp://h/" is no http or https URL',
      message_of "ftp://h/")
    assert.equal("http.get(url, options): url must be a string, got nil",
      message_of())
    assert.equal("http.get(url, options): there is no option 'heders'; there "
      .. "are auth, bearer, body, decode, form, headers, json, max_bytes, "
      .. "method, params, redirects, stream and url",
      message_of(url, { heders = {} }))
    assert.equal("http.get(url, options): headers must be a table, got string",
      message_of(url, { headers = "a: b" }))
    assert.equal('headers: "A": "b\\nC: d" cannot be sent',
      message_of(url, { headers = { A = "b\nC: d" } }))
    assert.equal("params: a must be a string, number or boolean, got function",
      message_of(url, { params = { a = print } }))
    assert.equal("an HTTP request: only one of body, json and form",
      message_of(url, { body = "a", json = {} }))
    assert.equal("redirects must be a whole number of at least 0, got -1",
      message_of(url, { redirects = -1 }))
    assert.equal("json.encode(value): JSON has no function at .f",
      message_of(url, { json = { f = print } }))
  end)

  it("needs a task", testing.plain(function()
    local err = helper.error_of(http.get, "http://127.0.0.1/")
    assert.is_true(err:is "InvalidStateError")
  end))
end)

-- -- Redirects --------------------------------------------------------------

describe("a redirect", function()
  it("is followed, without credentials for another host", function()
    local url = start_server()
    local response = http.get(url .. "/away", { bearer = "secret" })
    assert.equal(1, response.redirects)
    assert.truthy(response.url:find("//localhost:", 1, true))
    assert.is_nil(response:json().headers.authorization)
  end)

  it("is left alone on demand", function()
    local url = start_server()
    local response = http.get(url .. "/away", { redirects = 0 })
    assert.equal(302, response.status)
    assert.truthy(response.headers.location)
  end)

  it("without end is an error", function()
    local url = start_server()
    local err = helper.error_of(http.get, url .. "/loop", { redirects = 3 })
    assert.equal("EPROTO", err.code)
    assert.equal("more than 3 redirects, the last to /loop", err.message)
  end)
end)

-- -- Failures ---------------------------------------------------------------

describe("an HTTP request that fails", function()
  it("names the host that refused", function()
    local listener = net.listen { host = "127.0.0.1", port = 0 }
    local address = listener:address()
    listener:close()
    local err = helper.error_of(http.get, "http://" .. address)
    assert.is_true(err:is "OSError")
    assert.equal("ECONNREFUSED", err.code)
    assert.equal(address .. " refused the connection", err.message)
  end)

  it("tells how far a body came", function()
    local url = start_server()
    local err = helper.error_of(http.get, url .. "/broken")
    assert.is_true(err:is "IncompleteReadError")
    assert.equal("the body of " .. url .. "/broken ended after 5 of 10 bytes",
      err.message)
  end)

  it("fails if the headers end early", function()
    local url = start_server()
    local err = helper.error_of(http.get, url .. "/half")
    assert.equal("ECONNRESET", err.code)
    assert.equal(url:match "//(.+)" .. " broke the connection off", err.message)
  end)

  it("refuses a body above the limit", function()
    local url = start_server()
    local err = helper.error_of(http.get, url .. "/ok", { max_bytes = 4 })
    assert.is_true(err:is "LimitOverrunError")
    assert.equal("hello", http.get(url .. "/ok", { max_bytes = 5 }).body)
  end)

  it("is cut off by a timeout, and hangs up", function()
    local url, server = start_server()
    local err = helper.error_of(weft.timeout, 60, function(scope)
      weft.spawn(function()
        server.arrived:wait()
        scope:reschedule(weft.now())
      end)
      http.get(url .. "/hang")
    end)
    assert.is_true(err:is "TimeoutError")
    server.gone:wait()
  end)

  it("is aborted when its task is cancelled", function()
    local url, server = start_server()
    local task = weft.spawn(function() http.get(url .. "/hang") end)
    server.arrived:wait()
    task:cancel()
    server.gone:wait()
    assert.is_true(helper.error_of(task.await, task):is "TaskCancelledError")
  end)
end)

-- -- Sessions ---------------------------------------------------------------

describe("an HTTP session", function()
  it("uses its connections again, up to a limit", function()
    local url, server = start_server()
    with_session(url, { max_per_host = 2 }, function(session)
      local statuses = weft.map({ 1, 2, 3, 4, 5, 6 }, function()
        return session:get("/ok").status
      end)
      assert.same({ 200, 200, 200, 200, 200, 200, n = 6 }, statuses)
      assert.equal(2, server.connections)
      assert.equal(6, server.requests)
    end)
  end)

  it("does without a connection that the server has closed", function()
    local url, server = start_server()
    with_session(url, {}, function(session)
      local task = weft.spawn(function() session:get("/hang") end)
      server.arrived:wait()
      for _ = 1, 3 do
        assert.equal("bye", session:get("/last").body)
        weft.sleep(0)
        assert.equal("hello", session:get("/ok").body)
      end
      task:cancel()
    end)
  end)

  it("asks nothing of what it asked before", function()
    local url = start_server()
    with_session(url, {}, function(session)
      local plain = session:get("/echo"):json()
      session:post("/echo", { form = { a = 1 }, auth = { "ann", "s" } })
      assert.same(plain, session:get("/echo"):json())
      session:get("/echo", { decode = false, headers = { B = 2 } })
      assert.same(plain, session:get("/echo"):json())
      assert.equal("", session:head("/ok").body)
      assert.same(plain, session:get("/echo"):json())
      assert.equal("DELETE", session:delete("/echo"):json().method)
      assert.same(plain, session:get("/echo"):json())
    end)
  end)

  it("gives its options to every request", function()
    local url = start_server()
    local options = { headers = { A = "1", B = "2" }, bearer = "t" }
    with_session(url .. "/", options, function(session)
      local asked = session:get("echo", { headers = { b = "3" } }):json()
      assert.equal("1", asked.headers.a)
      assert.equal("3", asked.headers.b)
      assert.equal("Bearer t", asked.headers.authorization)
      local other = session:get("echo", { headers = { A = false } }):json()
      assert.is_nil(other.headers.a)
    end)
  end)

  it("keeps its credentials from other hosts", function()
    local url, server = start_server()
    local options = { headers = { Cookie = "c", A = "1" }, bearer = "t" }
    with_session(url, options, function(session)
      local there = "http://localhost:" .. server.port .. "/echo"
      local asked = session:get(there):json()
      assert.equal("1", asked.headers.a)
      assert.is_nil(asked.headers.cookie)
      assert.is_nil(asked.headers.authorization)
    end)
  end)

  it("ends what is under way when it is closed", function()
    local url, server = start_server()
    local session = http.session { base_url = url }
    local task = weft.spawn(function()
      return helper.error_of(session.get, session, "/hang")
    end)
    server.arrived:wait()
    session:close()
    session:close()
    assert.is_true(task:await():is "ClosedError")
    local err = helper.error_of(session.get, session, "/ok")
    assert.is_true(err:is "ClosedError")
  end)

  it("refuses certificates that cannot be read", function()
    local err = helper.error_of(http.session, { ca_file = "/no/such/file" })
    assert.equal("ENOENT", err.code)
    assert.equal('ca_file: "/no/such/file" cannot be read', err.message)
  end)
end)

-- -- Streaming --------------------------------------------------------------

describe("a streamed HTTP response", function()
  it("is read as it comes", function()
    local url, server = start_server()
    local response = http.get(url .. "/chunks", { stream = true })
    assert.equal(200, response.status)
    assert.is_nil(response.body)
    assert.equal("o", response:read(1))
    assert.equal("ne", response:read())
    server.go:release()
    assert.equal("two", response:read())
    server.go:release()
    server.go:release()
    assert.equal("three", response:read_all())
    assert.is_nil(response:read())
    response:close()
    response:close()
    assert.is_true(helper.error_of(response.read, response):is "ClosedError")
  end)

  it("is iterated over", function()
    local url, server = start_server()
    local session = http.session()
    local response = session:get(url .. "/chunks", { stream = true })
    local chunks = {}
    for chunk in response:chunks() do
      table.insert(chunks, chunk)
      server.go:release()
    end
    assert.same({ "one", "two", "three" }, chunks)
    session:close()
  end)

  it("has one reader, and loses no byte if that is cancelled", function()
    local url, server = start_server()
    local response = http.get(url .. "/chunks", { stream = true })
    assert.equal("one", response:read())
    local reader = weft.spawn(function() response:read() end)
    weft.yield()
    assert.is_true(helper.error_of(response.read, response):is "BusyError")
    reader:cancel()
    assert.is_nil(weft.try(reader.await, reader))
    assert.is_true(reader:cancelled())
    server.go:release()
    assert.equal("two", response:read())
    response:close()
    server.go:release()
    server.go:release()
  end)

  it("is what an unread one is not", function()
    local url = start_server()
    local err = helper.error_of(function() http.get(url .. "/ok"):read() end)
    assert.is_true(err:is "InvalidStateError")
  end)
end)

-- -- JSON -------------------------------------------------------------------

describe("weft.json", function()
  it("writes again what it has read", function()
    for _, text in ipairs {
      "[]", "{}", '""', "null", "true", "9007199254740991", "0.1", "-0",
      '{"a":[],"b":[1,[[]],null],"c":"[] \\"[]\\" \\\\"}',
    } do
      assert.equal(text, json.encode(json.decode(text)))
    end
  end)

  it("keeps null and empty arrays apart from nil and objects", function()
    assert.equal('{"a":null,"b":[],"c":{}}',
      json.encode { a = json.null, b = json.array(), c = {} })
    assert.equal(json.null, json.decode("[null]")[1])
  end)

  it("says where a text is no JSON", function()
    local err = helper.error_of(json.decode, "[1,")
    assert.is_true(err:is(json.JSONError))
    assert.equal(4, err.position)
    assert.is_true(helper.error_of(json.decode, "[NaN]"):is(json.JSONError))
  end)

  it("writes the strings that it reads: UTF-8", function()
    local good = {
      "\194\128", "\223\191", "\224\160\128", "\237\159\191",
      "\238\128\128", "\239\191\191", "\240\144\128\128",
      "\244\143\191\191", "x\195\164\226\130\172z",
    }
    for _, text in ipairs(good) do
      assert.equal(text, json.decode(json.encode { text })[1])
    end
    local bad = {
      "\128", "\191a", "\192\128", "\193\191", "\194", "\194a", "\224\159\191",
      "\226\130", "\226\130a", "\237\160\128", "\240\143\191\191",
      "\240\144\128", "\244\144\128\128", "\245\128\128\128", "\255",
    }
    for _, text in ipairs(bad) do
      local err = helper.error_of(json.encode, { [text] = 1 })
      assert.is_true(err:is "ArgumentError")
      assert.is_truthy(err.message:find("not UTF-8 from its byte 1", 1, true))
    end
  end)

  it("says what cannot be written, and where", function()
    local function message_of(value)
      local err = helper.error_of(json.encode, value)
      assert.is_true(err:is "ArgumentError")
      return err.message
    end
    assert.equal("json.encode(value): JSON has no function at .a[2]",
      message_of { a = { 1, print } })
    assert.equal("json.encode(value): JSON has no nan at [1]",
      message_of { 0 / 0 })
    assert.equal("json.encode(value): a table must be a list without gaps, or "
      .. "have strings as keys at .x", message_of { x = { 1, nil, 3, a = 4 } })
    assert.equal("json.encode(value): a string is not UTF-8 from its byte 3 "
      .. "at .a[2]", message_of { a = { 1, "ab\255" } })
    local loop = {}
    loop.loop = loop
    assert.truthy(message_of(loop):find("contain itself", 1, true))
  end)
end)
