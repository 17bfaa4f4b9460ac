-- The file of the lines typed before.
local weft = require "weft"
local helper = require "spec.helper"
local history = require "weft.prompt.history"

local run = helper.run

-- With these values in the environment; gives back what was.
local function with_environment(values, fn)
  local getenv = os.getenv
  rawset(os, "getenv", function(name)
    local value = values[name]
    if value ~= nil then return value or nil end
    return getenv(name)
  end)
  local ok, err = pcall(fn)
  rawset(os, "getenv", getenv)
  if not ok then error(err, 0) end
end

local function in_folder(fn)
  return run(function()
    weft.with(weft.fs.tempdir(), function(folder)
      with_environment({ XDG_STATE_HOME = folder .. "/state" }, function()
        fn(folder .. "/state/weft/history")
      end)
    end)
  end)
end

describe("weft.prompt.history", function()
  it("is a private file, made with its folders", in_folder(function(path)
    assert.equal(path, history.open())
    assert.equal(384, weft.fs.stat(path).mode % 512) -- 0600
    assert.equal(448, weft.fs.stat(path:match "^(.*)/").mode % 512) -- 0700
    assert.equal("", weft.fs.read_file(path))
  end))

  it("keeps the lines that are added", in_folder(function(path)
    history.add(history.open(), "one")
    history.add(history.open(), "two")
    assert.equal("one\ntwo\n", weft.fs.read_file(path))
  end))

  it("keeps the last lines of what has grown too long", in_folder(
    function(path)
      history.open()
      local lines = {}
      for i = 1, history.LINES_MAX + 5 do lines[i] = "line " .. i .. "\n" end
      weft.fs.write_file(path, table.concat(lines))
      history.open()
      assert.equal(table.concat(lines, "", 6), weft.fs.read_file(path))
    end))

  it("is in the home folder where nothing else is said", run(function()
    weft.with(weft.fs.tempdir(), function(folder)
      with_environment({ XDG_STATE_HOME = false, HOME = folder }, function()
        assert.equal(folder .. "/.local/state/weft/history", history.open())
      end)
    end)
  end))

  it("is none where there can be none", run(function()
    with_environment({ XDG_STATE_HOME = "/proc/nowhere" }, function()
      assert.is_nil(history.open())
    end)
    with_environment({ XDG_STATE_HOME = false, HOME = false }, function()
      assert.is_nil(history.open())
    end)
    history.add("/proc/nowhere/history", "line") -- and is not missed
  end))
end)
