--- examples/fetch_all.lua as its users run it, against the demo server in a
-- process of its own.

local json = require "weft.json"
local program = require "program"

local SERVER = [[
  package.path = "examples/?.lua;" .. package.path
  require("support.demo_server").with(function(url)
    print(url)
    io.stdout:flush()
    require("weft").sleep_forever()
  end)
]]

local function fetch_all(args)
  table.insert(args, 1, "examples/fetch_all.lua")
  return program.run(args)
end

-- The lines of JSON of an output, in order and by URL.
local function read_lines(text)
  local list, by_url = {}, {}
  for line in text:gmatch "[^\n]+" do
    local result = json.decode(line)
    list[#list + 1] = result
    by_url[result.url] = result
  end
  return list, by_url
end

-- Fetches with these arguments and expects one URL; returns its line.
local function fetch_one(args, status)
  local result = fetch_all(args)
  local list = read_lines(result.out)
  assert.equal(1, #list)
  assert.equal(status, result.status)
  return list[1], result
end

-- One line on stderr, nothing on stdout, status 2.
local function assert_usage(args, message)
  local result = fetch_all(args)
  assert.equal("fetch_all: " .. message .. "\n", result.err)
  assert.equal("", result.out)
  assert.equal(2, result.status)
end

-- A number of the closing table, by the word that its line begins with.
local function table_number(text, word)
  return tonumber(text:match("\n" .. word .. "%s+([%d.]+)")
    or text:match("^" .. word .. "%s+([%d.]+)"))
end

-- -- The command line --------------------------------------------------------

describe("fetch_all's command line", function()
  local NO_URL = "there is no URL to fetch: give URLs, --file FILE, or - to "
    .. "read them from standard input"

  it("has a help that fits a terminal", function()
    local result = fetch_all { "--help" }
    assert.truthy(result.out:find("^Usage: fetch_all.lua %[options%]"))
    for line in result.out:gmatch "[^\n]+" do
      assert.is_true(#line <= 80, line)
    end
    assert.equal(0, result.status)
  end)

  it("refuses numbers that make no sense, by name", function()
    assert_usage({ "-c", "0", "http://h/" },
      "--concurrency must be a whole number of at least 1, got 0; see --help")
    assert_usage({ "--retries", "1.5", "http://h/" },
      "--retries must be a whole number of at least 0, got 1.5; see --help")
    assert_usage({ "--rate=-1", "http://h/" },
      "--rate must be a number above 0, got -1; see --help")
    assert_usage({ "--timeout", "soon", "http://h/" },
      "--timeout must be a number above 0, got soon; see --help")
    assert_usage({ "--total-timeout", "nan", "http://h/" },
      "--total-timeout must be a number above 0, got nan; see --help")
    assert_usage({ "--backoff", "inf", "http://h/" },
      "--backoff must be a number above 0, got inf; see --help")
  end)

  it("refuses options that do not exist or lack their value", function()
    assert_usage({ "--nope" }, "unknown option '--nope'; see --help")
    assert_usage({ "-x" }, "unknown option '-x'; Did you mean one of these: "
      .. "'-T' '-b' '-c' '-f' '-h' '-n' '-o' '-q' '-r' '-t'?; see --help")
    assert_usage({ "--output" },
      "option '--output' requires an argument; see --help")
  end)

  it("refuses URLs and limits for the demo, which has its own", function()
    assert_usage({ "--demo", "http://h/" },
      "--demo has its own URLs: give it none; see --help")
    assert_usage({ "--demo", "--retries", "1" },
      "--demo sets --retries itself; see --help")
  end)

  it("wants at least one URL", function()
    assert_usage({}, NO_URL)
    assert_usage({ "-" }, NO_URL)
    assert_usage({ "--file", "/dev/null" }, NO_URL)
    assert_usage({ "-", input = "\n # none \n\r\n" }, NO_URL)
  end)

  it("says which file cannot be read or written", function()
    assert_usage({ "--file", "/nowhere/urls" },
      "cannot read /nowhere/urls: No such file or directory")
    assert_usage({ "--file", "/tmp" }, "cannot read /tmp: Is a directory")
    assert_usage({ "--output", "/nowhere/out", "http://h/" },
      "cannot write /nowhere/out: No such file or directory")
  end)
end)

-- -- Results -----------------------------------------------------------------

describe("fetch_all", function()
  local server, url

  setup(function()
    server = program.start { "-e", SERVER }
    url = server:line()
  end)

  teardown(function()
    server:kill "TERM"
    assert.equal("weft: cancelled by SIGTERM\n", server:finish().err)
  end)

  it("writes a line of JSON for each URL, and a table", function()
    local page = url .. "/large/100/json"
    local line, result = fetch_one({ page }, 0)
    assert.is_true(line.elapsed > 0)
    line.elapsed = nil
    assert.same({
      url = page, status = 200, ok = true, bytes = 100000, attempts = 1,
      error = json.null,
    }, line)
    assert.equal(1, table_number(result.err, "URLs"))
    assert.equal(1, table_number(result.err, "ok"))
    assert.equal(0, table_number(result.err, "failed"))
    assert.truthy(result.err:find("100.0 kB", 1, true))
    assert.falsy(result.err:find "\27") -- no progress line in a file
  end)

  it("reads URLs from arguments, files and standard input", function()
    local path = program.file("# a list\n\n  " .. url .. "/fast/0/file \r\n"
      .. url .. "/fast/0/last")
    local result = fetch_all {
      url .. "/fast/0/argument", "-", "--file", path,
      input = url .. "/fast/0/input\n",
    }
    os.remove(path)
    local list, by_url = read_lines(result.out)
    assert.equal(4, #list)
    for _, name in ipairs { "argument", "input", "file", "last" } do
      assert.is_true(by_url[url .. "/fast/0/" .. name].ok)
    end
    assert.equal(0, result.status)
  end)

  it("writes to --output, and then the table to standard output", function()
    local path = os.tmpname()
    local result = fetch_all { "-o", path, url .. "/fast/0/output" }
    local file = io.open(path)
    local list = read_lines(file:read "*a")
    file:close()
    os.remove(path)
    assert.equal(1, #list)
    assert.equal(1, table_number(result.out, "URLs"))
    assert.equal("", result.err)
  end)

  it("says nothing else with --quiet", function()
    local line, result = fetch_one({ "-q", url .. "/missing/0/quiet" }, 1)
    assert.is_false(line.ok)
    assert.equal("", result.err)
  end)

  it("follows redirects, but not for ever", function()
    local line = fetch_one({ url .. "/redirect/5/good" }, 0)
    assert.equal(200, line.status)
    line = fetch_one({ url .. "/redirect/50/bad" }, 1)
    assert.equal("protocol", line.error.kind)
    assert.equal(1, line.attempts)
  end)

  it("lets a URL that is none harm nobody else", function()
    local result = fetch_all {
      "nonsense", "ftp://h/", "http://h:99999/", "http://", "caf\233",
      url .. "/fast/0/harmed",
    }
    local list, by_url = read_lines(result.out)
    assert.equal(6, #list)
    assert.is_true(by_url[url .. "/fast/0/harmed"].ok)
    for _, bad in ipairs {
      "nonsense", "ftp://h/", "http://h:99999/", "http://", "caf%E9",
    } do
      assert.equal("bad_url", by_url[bad].error.kind)
      assert.equal(1, by_url[bad].attempts)
      assert.equal(json.null, by_url[bad].status)
    end
    assert.equal(5, table_number(result.err, "failed"))
    assert.equal(1, result.status)
  end)

  it("ends with 1 and a message when it cannot write", function()
    local result = fetch_all { "-q", "-o", "/dev/full", url .. "/fast/0/full" }
    assert.equal("fetch_all: cannot write the output: No space left on "
      .. "device\n", result.err)
    assert.equal(1, result.status)
  end)

  -- -- Retries ---------------------------------------------------------------

  it("does not try a host again that does not exist", function()
    -- No label of a name is that long, so no name server need be asked.
    local host = ("x"):rep(64) .. ".invalid"
    local line = fetch_one({ "http://" .. host .. "/" }, 1)
    assert.equal("unknown_host", line.error.kind)
    assert.equal("there is no host called " .. host, line.error.message)
    assert.equal(1, line.attempts)
  end)

  it("takes a host that cannot be looked up for a failure", function()
    -- Which one, depends on whether there is a name server here.
    local line = fetch_one({ "-n", "0", "-t", "3", "http://nohost.invalid/" },
      1)
    assert.is_not_nil(({ unknown_host = 1, name_server = 1, timeout = 1 })[
      line.error.kind])
  end)

  it("tries a refused connection as often as told", function()
    local line = fetch_one({ "-b", "0.001", "-n", "2", "http://127.0.0.1:1/" },
      1)
    assert.equal("refused", line.error.kind)
    assert.equal("127.0.0.1:1 refused the connection", line.error.message)
    assert.equal(3, line.attempts)
    assert.equal(1, fetch_one({ "-n", "0", "http://127.0.0.1:1/" }, 1).attempts)
  end)

  it("gives a server that hangs its timeout, then another attempt", function()
    local line = fetch_one({
      "-t", "0.05", "-n", "1", "-b", "0.001", url .. "/hanging/0/timeout",
    }, 1)
    assert.equal("timeout", line.error.kind)
    assert.equal(2, line.attempts)
    assert.is_true(line.elapsed >= 0.1)
  end)

  it("tries a body again that ends early", function()
    local line = fetch_one({
      "-n", "1", "-b", "0.001", url .. "/cut/5000/retry",
    }, 1)
    assert.equal("early_end", line.error.kind)
    assert.equal(2500, line.bytes)
    assert.equal(2, line.attempts)
  end)

  it("tries again after 500, and is done when it is answered", function()
    local line = fetch_one({
      "-n", "5", "-b", "0.001", url .. "/flaky/2/retry",
    }, 0)
    assert.is_true(line.ok)
    assert.equal(200, line.status)
    assert.equal(3, line.attempts)
  end)

  it("gives up with the status when it is 500 for too long", function()
    local line = fetch_one({
      "-n", "1", "-b", "0.001", url .. "/flaky/9/retry",
    }, 1)
    assert.equal(500, line.status)
    assert.same({ kind = "status", message = "500 Internal Server Error" },
      line.error)
    assert.equal(2, line.attempts)
  end)

  it("waits as long as Retry-After says", function()
    local line, result = fetch_one({
      "-b", "0.001", url .. "/busy/1/retry",
    }, 0)
    assert.equal(2, line.attempts)
    assert.is_true(table_number(result.err, "wall time") >= 1)
    assert.is_true(line.elapsed < 1) -- the wait is no latency
  end)

  it("does not wait for longer than a minute", function()
    local line = fetch_one({ url .. "/busy/61/retry" }, 1)
    assert.equal(503, line.status)
    assert.equal(1, line.attempts)
  end)

  it("does not try 404 again", function()
    local line = fetch_one({ url .. "/missing/0/retry" }, 1)
    assert.equal(404, line.status)
    assert.equal("404 Not Found", line.error.message)
    assert.equal(1, line.attempts)
  end)

  -- -- Limits ----------------------------------------------------------------

  -- The wall time of fetching six pages of 100 ms.
  local function wall_time(id, ...)
    local args = { ... }
    for i = 1, 6 do args[#args + 1] = url .. "/slow/100/" .. id .. i end
    local result = fetch_all(args)
    assert.equal(0, result.status)
    return table_number(result.err, "wall time")
  end

  it("has at most as many requests at a time as told", function()
    assert.is_true(wall_time("two", "-c", "2") >= 0.3)
    assert.is_true(wall_time("six", "-c", "6") < 0.6)
  end)

  it("begins at most as many in a second as told", function()
    assert.is_true(wall_time("rate", "--rate", "10") >= 0.6)
  end)

  it("is not held up by those that wait to be tried again", function()
    local result = fetch_all {
      "-c", "1", url .. "/busy/1/place", url .. "/fast/0/place",
    }
    local list = read_lines(result.out)
    assert.equal(url .. "/fast/0/place", list[1].url)
    assert.equal(url .. "/busy/1/place", list[2].url)
    assert.equal(0, result.status)
  end)

  -- -- Being cut off ---------------------------------------------------------

  -- Each URL has its line, and what was not done is cancelled.
  local function assert_complete(text, id)
    local list, by_url = read_lines(text)
    assert.equal(3, #list)
    assert.is_true(by_url[url .. "/fast/0/" .. id].ok)
    local hanging = by_url[url .. "/hanging/0/" .. id]
    assert.same({ kind = "cancelled", message = "cut off" }, hanging.error)
    assert.equal(1, hanging.attempts)
    local waiting = by_url[url .. "/slow/0/" .. id]
    assert.same({ kind = "cancelled", message = "not begun" }, waiting.error)
    assert.equal(0, waiting.attempts)
  end

  local function three_urls(id)
    return url .. "/fast/0/" .. id, url .. "/hanging/0/" .. id,
      url .. "/slow/0/" .. id
  end

  it("reports on everything after the total timeout", function()
    local result = fetch_all { "-c", "1", "-T", "0.2", three_urls "total" }
    assert_complete(result.out, "total")
    assert.equal(1, table_number(result.err, "ok"))
    assert.truthy(result.err:find("2 cancelled", 1, true))
    assert.equal(1, result.status)
  end)

  for signal, status in pairs { INT = 130, TERM = 143 } do
    it("reports on everything after SIG" .. signal, function()
      local running = program.start {
        "examples/fetch_all.lua", "-c", "1", three_urls(signal),
      }
      local first = running:line() -- so the second is under way or about to be
      local name = url .. "/hanging/0/" .. signal
      -- The server is asked by another client whether the page was asked for.
      repeat
        local seen = fetch_one({ url .. "/visits/0" .. name:sub(#url + 1) }, 0)
      until seen.bytes == 1
      running:kill(signal)
      local result = running:finish()
      assert_complete(first .. "\n" .. result.out, signal)
      assert.truthy(result.err:find("2 cancelled", 1, true))
      assert.truthy(result.err:find("weft: cancelled by SIG" .. signal, 1,
        true))
      assert.equal(status, result.status)
    end)
  end

  -- -- On a terminal ---------------------------------------------------------

  it("shows a progress line on a terminal", function()
    local path = os.tmpname()
    local result = program.output_of(("script -qec '%s %s -o %s %s %s' "
      .. "/dev/null </dev/null"):format(os.getenv "WEFT" or "build/weft",
      "examples/fetch_all.lua", path, url .. "/fast/0/tty",
      url .. "/slow/250/tty"))
    os.remove(path)
    assert.truthy(result:find("0/2 done, 0 failed, 0 in flight, 0.0/s, ? left",
      1, true))
    assert.truthy(result:find "1/2 done, 0 failed, 1 in flight, %S+/s, 1 s")
    assert.equal(2, table_number(result:gsub("\27%[K", "\n"), "URLs"))
  end)
end)

-- -- The demo ----------------------------------------------------------------

describe("fetch_all --demo", function()
  it("comes to the same counts each time #slow", function()
    local path = os.tmpname()
    local result = fetch_all { "--demo", "-o", path }
    local file = io.open(path)
    local list = read_lines(file:read "*a")
    file:close()
    os.remove(path)
    assert.equal("", result.err)
    assert.equal(0, result.status)
    assert.equal(200, #list)
    assert.equal(175, table_number(result.out, "ok"))
    assert.equal(25, table_number(result.out, "failed"))
    assert.equal(250, table_number(result.out, "requests"))
    assert.truthy(result.out:find("10 early_end, 10 status 404, 5 timeout", 1,
      true))
    assert.truthy(result.out:find("200 of 200 pages", 1, true))
    assert.is_true(table_number(result.out, "wall time")
      < table_number(result.out, "one by one"))
  end)

  it("ends with 1, and says why, if it is cut off", function()
    local result = fetch_all { "--demo", "--total-timeout", "0.2" }
    assert.truthy(result.out:find("expected timeout after 3 attempts, got "
      .. "cancelled after 1", 1, true))
    assert.equal(1, result.status)
  end)
end)
