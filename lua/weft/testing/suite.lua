--- busted's tests in tasks: what of busted is wrapped, and how.
--
-- busted calls all code of tests by `busted.safe`, so that is where it is put
-- into a task. One test, with before_each, finally and after_each, has one
-- runtime; so has each setup and teardown, unless the describe shares its own.
-- A test counts as ended when it is known what it has left, so the event of its
-- end, which busted sends before after_each, is held back.
-- @module weft.testing.suite

local body = require "weft.testing.body"
local case = require "weft.testing.case"
local core = require "weft.core"
local errors = require "weft.error"
local frames = require "weft.testing.frames"
local leaks = require "weft.testing.leaks"
local options = require "weft.testing.options"
local report = require "weft.report"
local scope = require "weft.scope"

local suite = {}

local busted, block -- busted's core and its blocks
local safe, safe_publish, execute, get_trace, rewrite -- the core's own
local test -- the one that runs

-- -- What is told of an error -------------------------------------------------

local last = {} -- the last error that was raised: `err` and its `trace`

local function trim(info)
  info.traceback = info.traceback:sub(1, info.traceback:find "\n%s*%[C]")
  return info
end

-- As busted's own, but the first line is one of the user's.
local function trace_of(element, level, message)
  if message ~= nil and rawequal(message, last.err) then return last.trace end
  local frame = errors.is_error(message) and rawget(message, "frame")
  local info, at = frames.first(nil, (level or 3))
  if frame then
    info = frame
    info.traceback = message.traceback
  elseif info then
    info.traceback = debug.traceback("", at)
  else
    return get_trace(element, (level or 3) + 1, message)
  end
  info.message = message
  local file = busted.getFile(element)
  return file and file.getTrace(file.name, info) or trim(info)
end

local function message_of(element, message, trace)
  if errors.is_error(message) then
    message = rawget(message, "frame") and message.message
      or report.describe(message)
  end
  return rewrite(element, message, trace)
end

-- An error of busted's among what failed in other tasks: the one to be told as
-- it is, if all are.
local function assertion_in(err)
  if not errors.is_error(err) then return nil end
  if err.errors then
    local found
    for _, member in ipairs(err.errors) do
      local inner = assertion_in(member)
      if not inner then return nil end
      found = found or inner
    end
    return found
  end
  local metatable = debug.getmetatable(err.value)
  local kind = type(metatable) == "table" and metatable.__type
  return (kind == "failure" or kind == "pending") and err.value or nil
end

-- A failed assertion in another task is a failure of the test, which says so.
local function as_failure(err)
  local found = assertion_in(err)
  if not found then return err end
  local metatable = debug.getmetatable(found)
  if metatable.__type == "pending" then return found end
  return setmetatable({ message = report.describe(err) }, metatable)
end

-- -- Calling the code of tests ------------------------------------------------

local function in_task() return core.is_running() end

-- What busted is to call instead of `fn`, in a task.
local function limited(opts, element, fn)
  return function()
    local ok, err = pcall(case.call, opts, function(raised)
      local trace = trace_of(element, 2, raised)
      last = { err = raised, trace = trace }
    end, fn)
    if ok then return end
    local shown = as_failure(err)
    if rawequal(last.err, err) then last.err = shown end
    error(shown, 0)
  end
end

local function tell(status, element, text)
  busted.publish({ status, element.descriptor }, element,
    busted.context.parent(element),
    message_of(element, text, element.trace), element.trace)
end

local function failed(element, text)
  tell("error", element, text)
  return busted.status "error"
end

local HOW_TO_SHARE = "setup has a runtime of its own, which has ended with it; "
  .. "testing.options{shared = true} in the describe has setup and tests share "
  .. "one"

-- A hook that belongs to no test, in a runtime of its own.
local function run_apart(descriptor, fn, element)
  local opts = options.of(element)
  local results, left
  local ok, err = pcall(case.in_runtime, opts, function()
    local noted = leaks.note()
    results = { safe(descriptor, limited(opts, element, fn), element) }
    if results[1]:success() and opts.leaks then left = leaks.find(noted) end
  end)
  if not ok then return failed(element, err) end
  if left and #left > 0 then
    return failed(element, case.leak_text(left) .. "\n" .. HOW_TO_SHARE)
  end
  return unpack(results)
end

local function run_piece(descriptor, run, element)
  local fn = body.open(run)
  if test and test.plain and descriptor == "it" then
    return safe(descriptor, fn, element)
  end
  if not in_task() then return run_apart(descriptor, fn, element) end
  local opts = test and test.options or options.of(element)
  local results = { safe(descriptor, limited(opts, element, fn), element) }
  if test and not results[1]:success() then test.failed = true end
  return unpack(results)
end

-- -- One test -----------------------------------------------------------------

local function seed_text(seed)
  return seed and ("\n(WEFT_SEED=%d gives the same run)"):format(seed) or ""
end

-- The event of the test's end, which was held back.
local function end_test(this, problem)
  local ended = this.ended
  if problem and not this.failed then
    tell(ended and "failure" or "error", this.element, problem)
    if ended then ended[3] = "failure" end
  end
  if ended then
    safe_publish("test", { "test", "end" }, this.element, ended[2], ended[3])
  end
end

-- What is to be looked at in the test's task at its end.
local function look(this, noted)
  local ok, err = pcall(case.finalize, this.options)
  if not ok then
    this.problem = report.describe(err)
  elseif this.options.leaks and not this.failed then
    local left = leaks.find(noted)
    if #left > 0 then this.problem = case.leak_text(left) end
  end
end

local function run_in_task(this, executor)
  local noted = leaks.note()
  this.results = { safe("it", executor, this.element) }
  scope.shield(function() look(this, noted) end)
end

local function run_in_runtime(this, executor)
  if in_task() then return run_in_task(this, executor) end
  local ok, seed, reported = pcall(case.in_runtime, this.options, function()
    run_in_task(this, executor)
  end)
  if not ok then
    this.problem = report.describe(seed)
  elseif not this.problem and #reported > 0 then
    this.problem = case.report_text(reported)
  end
  this.seed = ok and seed or nil
end

local function run_test(executor, element)
  local _, own = body.open(element.run)
  local opts = options.of(element, own)
  local this = { element = element, options = opts, plain = opts.plain }
  block.lazySetup(busted.context.parent(element)) -- it is not the test's
  test = this
  if this.plain then this.results = { safe("it", executor, element) }
  else run_in_runtime(this, executor) end
  test = nil
  end_test(this, this.problem and this.problem .. seed_text(this.seed))
  return unpack(this.results or { busted.status "error" })
end

-- -- What replaces busted's own -----------------------------------------------

local HOOKS = { before_each = true, after_each = true, strict_setup = true,
  strict_teardown = true, lazy_setup = true, lazy_teardown = true }

local function our_safe(descriptor, run, element)
  local kind = element.descriptor
  if descriptor == "it" and kind == "it" and run ~= element.run then
    return run_test(run, element)
  end
  local is_body = run == element.run
  if is_body and (kind == "it" or HOOKS[kind]) or descriptor == "finally" then
    return run_piece(descriptor, run, element)
  end
  if is_body then options.forget(element) end
  return safe(descriptor, run, element)
end

local function our_safe_publish(descriptor, channel, element, ...)
  if test and element == test.element and channel[1] == "test"
      and channel[2] == "end" then
    test.ended = { descriptor, ... }
    return true
  end
  return safe_publish(descriptor, channel, element, ...)
end

-- -- A describe that shares its runtime ---------------------------------------

local SETUPS = { "strict_setup", "strict_teardown" }

-- Setup and teardown, which are to run inside the runtime.
local function take_setups(element)
  local taken = {}
  for _, name in ipairs(SETUPS) do
    taken[name], element[name] = element[name], nil
  end
  return taken
end

local function execute_shared(element, setups)
  for name, list in pairs(setups) do element[name] = list end
  if block.setup(element) then execute(element) end
  block.lazyTeardown(element)
  block.teardown(element)
  take_setups(element)
end

local function our_execute(element)
  local taken = element and element.weft_setups
  if not taken then return execute(element) end
  element.weft_setups = nil
  local opts = options.of(element)
  local ok, err = pcall(case.in_runtime, opts, function()
    execute_shared(element, taken)
  end)
  if not ok then failed(element, err) end
end

-- busted runs setup right after the body of a describe was read; that of one
-- that shares its runtime has to wait for the runtime.
local function our_safe_reading(descriptor, run, element)
  local results = { our_safe(descriptor, run, element) }
  if run == element.run and options.own(element, "shared")
      and not in_task() then
    element.weft_setups = take_setups(element)
  end
  return unpack(results)
end

-- -- Modules ------------------------------------------------------------------

local function is_ours(name)
  return name == "weft" or type(name) == "string" and name:find "^weft%."
end

-- After a file busted forgets what was loaded in it. There is only one weft.
local function keep_modules(pop)
  return function()
    local kept = {}
    if (busted.context.get "attributes" or {}).envmode ~= "insulate" then
      return pop()
    end
    for name, module in pairs(package.loaded) do
      if is_ours(name) then kept[name] = module end
    end
    pop()
    for name, module in pairs(kept) do package.loaded[name] = module end
  end
end

--- Has busted run tests in tasks.
---@param busted_core table
function suite.install(busted_core)
  if busted then return end
  busted = busted_core
  block = require "busted.block"(busted)
  safe, safe_publish = busted.safe, busted.safe_publish
  execute, get_trace, rewrite = busted.execute, busted.getTrace,
    busted.rewriteMessage
  busted.safe, busted.safe_publish = our_safe_reading, our_safe_publish
  busted.execute = our_execute
  busted.getTrace, busted.rewriteMessage = trace_of, message_of
  busted.context.pop = keep_modules(busted.context.pop)
  options.use_context(busted.context)
end

return suite
