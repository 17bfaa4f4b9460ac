-- The file of the lines typed before.
local weft = require "weft"
local testing = require "weft.testing"
local history = require "weft.prompt.history"

-- Where the file is, in a folder until the end of the test.
local function new_path()
  local folder = testing.temp_dir()
  testing.env("XDG_STATE_HOME", folder .. "/state")
  return folder .. "/state/weft/history"
end

describe("weft.prompt.history", function()
  it("is a private file, made with its folders", function()
    local path = new_path()
    assert.equal(path, history.open())
    assert.equal(384, weft.fs.stat(path).mode % 512) -- 0600
    assert.equal(448, weft.fs.stat(path:match "^(.*)/").mode % 512) -- 0700
    assert.equal("", weft.fs.read_file(path))
  end)

  it("keeps the lines that are added", function()
    local path = new_path()
    history.add(history.open(), "one")
    history.add(history.open(), "two")
    assert.equal("one\ntwo\n", weft.fs.read_file(path))
  end)

  it("keeps the last lines of what has grown too long", function()
    local path = new_path()
    history.open()
    local lines = {}
    for i = 1, history.LINES_MAX + 5 do lines[i] = "line " .. i .. "\n" end
    weft.fs.write_file(path, table.concat(lines))
    history.open()
    assert.equal(table.concat(lines, "", 6), weft.fs.read_file(path))
  end)

  it("is in the home folder where nothing else is said", function()
    local folder = testing.temp_dir()
    testing.env("XDG_STATE_HOME", nil)
    testing.env("HOME", folder)
    assert.equal(folder .. "/.local/state/weft/history", history.open())
  end)

  it("is none where there can be none", function()
    testing.env("XDG_STATE_HOME", "/proc/nowhere")
    assert.is_nil(history.open())
    testing.env("XDG_STATE_HOME", nil)
    testing.env("HOME", nil)
    assert.is_nil(history.open())
    history.add("/proc/nowhere/history", "line") -- and is not missed
  end)
end)
