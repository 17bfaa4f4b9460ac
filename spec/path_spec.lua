-- Paths as arguments, and in what goes wrong.
local codes = require "weft.codes"
local path = require "weft.path"
local helper = require "spec.helper"

describe("weft.path", function()
  it("takes strings that can be paths", function()
    path.check("a", "f(path): path")
    path.check(("x"):rep(5000), "f(path): path")
    helper.refuses({ "f(path): path must be a string, got nil" }, path.check,
      nil, "f(path): path")
    helper.refuses({ "must not be empty" }, path.check, "", "path")
    helper.refuses({ "zero byte" }, path.check, "a\0", "path")
  end)

  it("names code, attempt and path in an OSError", function()
    local err = helper.fails("OSError", path.fail, codes.ENOENT, "open", "/x",
      "; so there", { extra = 1 })
    assert.equal("open /x: no such file or directory (ENOENT); so there",
      err.message)
    assert.equal("ENOENT", err.code)
    assert.equal(1, err.extra)
  end)

  it("says of weft's own codes what they mean of a file", function()
    local err = helper.fails("ClosedError", path.fail, codes.EBADF, "read",
      "/x")
    assert.equal("read /x: the file is closed", err.message)
    err = helper.fails("BusyError", path.fail, codes.EBUSY, "read", "/x")
    assert.equal("read /x: another operation on the file is under way",
      err.message)
    err = helper.fails("InvalidStateError", path.fail_on_file, codes.ESTATE,
      "read", "/x", "reading")
    assert.equal("read /x: the file is not open for reading", err.message)
  end)

  it("says how much was written, if anything was", function()
    local err = helper.fails("OSError", path.fail_write, codes.ENOENT, "/x", 0,
      9)
    assert.equal("write /x: no such file or directory (ENOENT)", err.message)
    assert.equal(0, err.written)
    err = helper.fails("OSError", path.fail_write, codes.ENOENT, "/x", 5, 9)
    assert.is_truthy(err.message:find("; 5 of 9 bytes were written", 1, true))
    helper.fails("InvalidStateError", path.fail_write, codes.ESTATE, "/x", 0, 9)
  end)
end)
