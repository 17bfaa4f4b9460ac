-- What streams and files read alike; the calls themselves are in stream_spec
-- and file_spec.
local weft = require "weft"
local reading = require "weft.reading"
local stream = require "weft.stream"
local files = require "spec.files"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

describe("weft.reading", function()
  it("names in its messages what was read", function()
    local dir = files.directory()
    local file = weft.fs.open(files.put(dir .. "file", "ab"))
    loopback.with_pair(function(connection, peer)
      peer:write "ab"
      peer:shutdown()
      for noun, source in pairs { file = file, stream = connection } do
        helper.refuses({ noun .. ":read_exactly(n): n must be a whole number" },
          source.read_exactly, source, -1)
        helper.refuses({ noun .. ":read_until(sep, limit): sep" },
          source.read_until, source, 5)
        helper.refuses({ noun .. ":read_until(sep, limit): limit" },
          source.read_until, source, "x", "y")
        helper.refuses({ noun .. ":read_line(limit): limit" },
          source.read_line, source, -1)
        helper.refuses({ "number 1.5" }, source.read_line, source, 1.5)
        helper.refuses({ noun .. ":lines(limit): limit" }, source.lines, source,
          0 / 0)
        local err = helper.fails("IncompleteReadError", source.read_until,
          source, "x")
        assert.equal(("the %s ended after 2 bytes, before the separator")
          :format(noun), err.message)
        assert.equal("ab", err.partial)
      end
    end)
    file:close()
  end)

  it("takes nothing else for what can be read", function()
    local listener = loopback.listen()
    local read_all = stream.wrap(nil).read_all
    for _, other in ipairs { listener[1], io.stdout, 5, true } do
      local err = helper.error_of(read_all, { other })
      assert.is_truthy(err:find("a stream or a file expected", 1, true))
    end
    listener:close()
  end)

  it("takes whole numbers for counts", function()
    reading.check_count(3, 3, "f(n): n")
    for _, bad in ipairs { 2, 3.5, 2 ^ 60, 0 / 0, "3", false } do
      helper.refuses({ "f(n): n must be a whole number of at least 3" },
        reading.check_count, bad, 3, "f(n): n")
    end
  end)
end)
