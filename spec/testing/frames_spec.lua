-- Which line of a stack is the user's.
local weft = require "weft"
local frames = require "weft.testing.frames"
local testing = require "weft.testing"

describe("weft.testing.frames", function()
  it("finds the first frame of the running code", testing.task(function()
    local info, level
    local function look() info, level = frames.first(nil, 1) end
    look()
    assert.equal("spec/testing/frames_spec.lua", info.short_src)
    assert.equal(9, info.currentline)
    assert.equal(1, level)
  end))

  it("passes over weft's own and busted's", testing.task(function()
    local line
    weft.try(function()
      xpcall(weft.timeout, function()
        line = frames.first(nil, 1).currentline
      end, "no number")
    end)
    assert.equal(20, line)
  end))

  it("finds that of a coroutine that is parked", testing.task(function()
    local core = require "weft.core"
    local sleeper = weft.spawn(function()
      weft.sleep_forever()
    end)
    testing.wait_all_parked()
    local info = frames.first(core.task_coroutine(sleeper[0]))
    assert.equal(29, info.currentline)
    sleeper:cancel()
  end))

  it("knows whose a source is", testing.plain(function()
    local function is_internal(source, what)
      return frames.is_internal { source = source, what = what or "Lua" }
    end
    local own = debug.getinfo(frames.first, "S").source
    assert.is_true(is_internal(own))
    assert.is_true(is_internal((own:gsub("/testing/frames", ""))))
    assert.is_true(is_internal "=[C]")
    assert.is_true(is_internal("@x.lua", "C"))
    assert.is_true(is_internal "@/usr/share/lua/5.1/busted/core.lua")
    assert.is_true(is_internal "@/usr/share/lua/5.1/luassert/assert.lua")
    assert.is_false(is_internal "@spec/busted/core_spec.lua")
    assert.is_false(is_internal((own:gsub("weft/testing.*", "weftish.lua"))))
    assert.is_false(is_internal "print(1)")
  end))

  it("leaves out the lines that are the same for all", testing.plain(function()
    local text = table.concat({
      "a text", "\t[C]: in function 'error'",
      "\t/usr/share/lua/5.1/luassert/assert.lua:51: in function 'equal'",
      "\tspec/x_spec.lua:3: in function <spec/x_spec.lua:1>",
      "\t[C]: in function 'xpcall'",
      "\t/usr/share/lua/5.1/busted/core.lua:178: in function 'safe'",
    }, "\n")
    assert.equal("a text\n\tspec/x_spec.lua:3: in function <spec/x_spec.lua:1>",
      frames.user_part(text))
    assert.equal("spec/x_spec.lua:3", frames.place_in(text))
    assert.is_nil(frames.place_in(nil))
  end))
end)
