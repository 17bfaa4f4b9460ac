--- What fetch_all tries again, and when.

local weft = require "weft"
local testing = require "weft.testing"

local root_path = package.path
package.path = "examples/?.lua;" .. package.path
local retry = require "support.retry"
package.path = root_path

local OPTIONS = { retries = 3, backoff = 0.5 }

-- A job that has failed so after its first attempt.
local function failed(kind, fields)
  local job = { attempts = 1, asked = 0, failure = { kind = kind } }
  for key, value in pairs(fields or {}) do job[key] = value end
  return job
end

local function is_tried_again(kind, fields)
  return retry.wait(failed(kind, fields), OPTIONS) ~= nil
end

describe("a failed request", function()
  it("has a kind by its error", function()
    local function kind(err) return retry.failure(nil, err).kind end
    local function os_error(code) return weft.OSError("x", { code = code }) end
    assert.equal("timeout", kind(weft.TimeoutError()))
    assert.equal("early_end", kind(weft.IncompleteReadError()))
    assert.equal("bad_url", kind(weft.ArgumentError()))
    assert.equal("refused", kind(os_error "ECONNREFUSED"))
    assert.equal("reset", kind(os_error "EPIPE"))
    assert.equal("unreachable", kind(os_error "ENETUNREACH"))
    assert.equal("name_server", kind(os_error "EHOSTTRYAGAIN"))
    assert.equal("unknown_host", kind(os_error "EHOSTNOTFOUND"))
    assert.equal("protocol", kind(os_error "EPROTO"))
    assert.equal("other", kind(os_error "EIO"))
    assert.equal("other", kind(weft.Error "a bug"))
  end)

  it("has its status and the words after it", function()
    assert.is_nil(retry.failure { ok = true, status = 204, reason = "" })
    assert.same({ kind = "status", message = "404 Not Found" },
      retry.failure { ok = false, status = 404, reason = "Not Found" })
    assert.equal("500",
      retry.failure({ ok = false, status = 500, reason = "" }).message)
  end)

  it("is tried again if that may help", function()
    for _, kind in ipairs {
      "timeout", "refused", "reset", "unreachable", "early_end", "name_server",
    } do assert.is_true(is_tried_again(kind), kind) end
    for _, kind in ipairs {
      "bad_url", "unknown_host", "protocol", "other", "cancelled",
    } do assert.is_false(is_tried_again(kind), kind) end
  end)

  it("is tried again by its status", function()
    for _, status in ipairs { 408, 429, 500, 502, 503, 504, 599 } do
      assert.is_true(is_tried_again("status", { status = status }))
    end
    for _, status in ipairs { 304, 400, 401, 403, 404, 410, 501, 505 } do
      assert.is_false(is_tried_again("status", { status = status }))
    end
  end)

  it("is tried again only so often", function()
    assert.is_true(is_tried_again("timeout", { attempts = 3 }))
    assert.is_false(is_tried_again("timeout", { attempts = 4 }))
    assert.is_nil(retry.wait(failed "timeout", { retries = 0, backoff = 1 }))
  end)

  it("that went well is not tried again", function()
    assert.is_nil(retry.wait({ attempts = 1, asked = 0 }, OPTIONS))
  end)
end)

describe("the wait before an attempt", function()
  -- The least and the most of many draws.
  local function range(job, opts)
    local least, most = math.huge, 0
    for _ = 1, 1000 do
      local seconds = retry.wait(job, opts)
      least, most = math.min(least, seconds), math.max(most, seconds)
    end
    return least, most
  end

  setup(function() math.randomseed(1) end)

  it("is drawn from all of a bound that doubles", function()
    for attempts, bound in ipairs { 0.5, 1, 2 } do
      local least, most = range(failed("reset", { attempts = attempts }),
        OPTIONS)
      assert.is_true(least < bound * 0.05)
      assert.is_true(most > bound * 0.95 and most <= bound)
    end
  end)

  it("has a bound of 30 s, however many attempts there were", function()
    local _, most = range(failed("reset", { attempts = 2000 }),
      { retries = 5000, backoff = 0.5 })
    assert.is_true(most > 28 and most <= 30)
  end)

  it("comes after what the server asks for", function()
    local least, most = range(failed("status", { status = 503, asked = 7 }),
      OPTIONS)
    assert.is_true(least >= 7 and least < 7.05)
    assert.is_true(most > 7.45 and most <= 7.5)
    assert.is_true(is_tried_again("status", { status = 429, asked = 60 }))
    assert.is_false(is_tried_again("status", { status = 429, asked = 61 }))
  end)

  it("is not the same in every process", testing.plain(function()
    weft.run(retry.seed)
    local first = math.random()
    weft.run(retry.seed)
    assert.not_equal(first, math.random())
  end))
end)

describe("Retry-After", function()
  it("is a number of seconds", function()
    assert.equal(0, retry.seconds_asked(nil))
    assert.equal(0, retry.seconds_asked "0")
    assert.equal(120, retry.seconds_asked "120")
  end)

  it("is a date, in any time zone", function()
    local function in_seconds(seconds)
      return retry.seconds_asked(
        os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + seconds))
    end
    local asked = in_seconds(40)
    assert.is_true(asked >= 38 and asked <= 40)
    asked = in_seconds(86400 * 200) -- on the other side of summer time
    assert.is_true(math.abs(asked - 86400 * 200) <= 2)
    assert.equal(0, in_seconds(-40))
  end)

  it("is nothing if it is neither", function()
    for _, text in ipairs {
      "", "soon", "-5", "1.5", "Sun, 06 Nov 1994", "1 1",
      "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 19949999999999 08:49:37 GMT",
    } do assert.equal(0, retry.seconds_asked(text), text) end
  end)
end)
