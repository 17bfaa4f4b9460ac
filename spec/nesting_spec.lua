--- Everything inside everything: unwound in order, no error lost.
local weft = require "weft"
local helper = require "spec.helper"

local virtual = helper.virtual

-- A context, a generator in it, a group in each of the generator's steps, a
-- child in that: each says in `log` when it is left, and waits while it does.
local function nest(log, problems)
  local function leave(name)
    return function()
      weft.sleep(1)
      log[#log + 1] = name .. " at " .. weft.now()
      if problems[name] then error(name .. " broke", 0) end
    end
  end
  local context = weft.context(function(yield)
    weft.finally(function() yield "resource" end, leave "context")
  end)
  local steps = weft.generator(function(yield)
    weft.finally(function()
      yield "first"
      weft.group(function(g)
        g:spawn("child", function()
          weft.finally(weft.sleep_forever, leave "child")
        end)
        weft.finally(weft.sleep_forever, leave "group's body")
      end)
    end, leave "generator")
  end)
  weft.timeout(10, function()
    weft.with(context(), function(value)
      log[#log + 1] = value
      for step in steps() do log[#log + 1] = step end
    end)
  end)
end

describe("a group in a generator in a context in a timeout", function()
  it("is unwound from the inside out, each in its time [7.9, 12.1, 14.3]",
    virtual(function()
      local log = {}
      local err = helper.fails("TimeoutError", nest, log, {})
      assert.same({ "resource", "first", "group's body at 11", "child at 11",
        "generator at 12", "context at 13" }, log)
      assert.equal(13, weft.now())
      assert.equal("deadline", err.cause.source)
    end))

  it("keeps every error of its cleanups [9.4, 10.10, 12.4]",
    virtual(function()
      local log = {}
      local err = helper.error_of(nest, log, {
        ["group's body"] = true, child = true, generator = true, context = true,
      })
      assert.equal(6, #log)
      local texts = {}
      local function gather(e)
        texts[#texts + 1] = type(e) == "table" and e.message or tostring(e)
        if type(e) ~= "table" then return end
        for _, member in ipairs(e.errors or {}) do gather(member) end
        if e.cause ~= nil then gather(e.cause) end
      end
      assert.is_table(err)
      gather(err)
      local all = table.concat(texts, "; ")
      for _, name in ipairs {
        "context", "generator", "group's body", "child",
      } do
        assert.truthy(all:find(name .. " broke", 1, true), all)
      end
    end))

  it("is closed in the same order when it is left early [14.7]",
    virtual(function()
      local log = {}
      local function leave(name)
        return function()
          weft.sleep(1)
          log[#log + 1] = name
        end
      end
      local inner = weft.generator(function(yield)
        weft.finally(function() yield(1) yield(2) end, leave "inner")
      end)
      local outer = weft.generator(function(yield)
        weft.finally(function()
          for v in inner() do yield(v) end
        end, leave "outer")
      end)
      local context = weft.context(function(yield)
        weft.finally(function() yield(outer()) end, leave "context")
      end)
      weft.scope(function()
        weft.with(context(), function(gen)
          for v in gen do if v == 1 then return end end
        end)
        assert.same({ "context" }, log)
      end)
      assert.same({ "context", "outer", "inner" }, log)
      assert.equal(3, weft.now())
    end))
end)
