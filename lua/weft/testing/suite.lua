--- busted's tests in tasks: what of busted is wrapped, and how.
--
-- busted calls all code of tests by `busted.safe`, so that is where it is put
-- into a task. One test, with before_each, finally and after_each, has one
-- runtime; so has each setup and teardown, unless the describe shares its own.
-- A test counts as ended when it is known what it has left, so the event of its
-- end, which busted sends before after_each, is held back.
-- @module weft.testing.suite

local entries = require "weft.entries"
local body = require "weft.testing.body"
local case = require "weft.testing.case"
local core = require "weft.core"
local errors = require "weft.error"
local failure = require "weft.testing.failure"
local finalizers = require "weft.testing.finalizers"
local group = require "weft.group"
local leaks = require "weft.testing.leaks"
local limit = require "weft.testing.limit"
local options = require "weft.testing.options"
local reports = require "weft.testing.reports"
local scope = require "weft.scope"
local seeds = require "weft.testing.seed"
local told = require "weft.testing.told"

local suite = {}

local busted, block -- busted's core and its blocks
local safe, safe_publish, execute, publish -- the core's own
local test -- the one that runs
local interrupted -- the name of the signal

local HOOKS = { before_each = true, after_each = true, strict_setup = true,
  strict_teardown = true, lazy_setup = true, lazy_teardown = true }
local EXIT_SIGNAL = { SIGINT = 130, SIGTERM = 143 }

-- -- Calling the code of tests ------------------------------------------------

-- Ctrl-C has cancelled what runs: it is the last test.
local function look_for_signal()
  local _, source, reason = core.cancellation()
  if source ~= "signal" then return end
  interrupted = reason
  busted.skipAll = true
end

-- What busted is to call instead of `fn`, in a task.
local function limited(opts, element, fn)
  return function()
    local ok, err = pcall(case.call, opts, told.name(element),
      function(raised) told.note(element, raised) end, fn)
    look_for_signal()
    if ok then return end
    if test then test.err = err end
    error(told.replace(err, failure.as_busted(err)), 0)
  end
end

-- A describe has lists of functions, which busted's own json cannot write.
local function without_tests(element)
  if element.descriptor == "it" or HOOKS[element.descriptor] then
    return element
  end
  return { descriptor = element.descriptor, name = told.full_name(element),
    trace = element.trace, attributes = element.attributes }
end

local function tell(status, element, text)
  busted.publish({ status, element.descriptor }, without_tests(element),
    busted.context.parent(element),
    busted.rewriteMessage(element, text, element.trace), element.trace)
end

local function failed(element, text)
  tell("error", element, text)
  return busted.status "error"
end

-- The options of one run.
local function with_seed(opts)
  opts.seed = seeds.draw(opts.seed)
  told.use_seed(opts.seed)
  return opts
end

-- -- Tasks that were given up -------------------------------------------------

local depth = 0 -- of busted's contexts

-- A task of busted's that was given up has left the contexts it was in.
local function leave_contexts(outer)
  while depth > outer do busted.context.pop() end
end

-- Calls case.in_runtime. What fails in it, as tasks were given up, is a text.
-- `this.left` is what `this.what` is known to have left.
local function in_runtime(this, opts, name, main)
  local outer = depth
  local ok, reported, descriptors = pcall(case.in_runtime, opts, name, main)
  if ok then return true, reported, descriptors end
  leave_contexts(outer)
  local left = this.left
  if reported.given_up and left and #left > 0 then
    return false, failure.leaks(left, this.what) .. failure.GIVEN_UP
  end
  return false, told.text(errors.object(reported))
end

-- -- Setup and teardown -------------------------------------------------------

local HOW_TO_SHARE = "%s has a runtime of its own, which ends with it; to have "
  .. "one for it and the tests: testing.options{shared = true} in the describe"

local HOOK_NAMES = { strict_setup = "setup", strict_teardown = "teardown" }

local function hook_name(element)
  return HOOK_NAMES[element.descriptor] or element.descriptor
end

local function look_after_hook(opts, element, status)
  local name = hook_name(element)
  local ok, err = pcall(case.finalize, opts, told.name(element))
  if not ok then return failure.describe(err) end
  if not status:success() or not opts.leaks then return nil end
  local left = leaks.find()
  return #left > 0 and failure.leaks(left, name) .. "\n"
    .. HOW_TO_SHARE:format(name) or nil
end

-- A hook that belongs to no test, in a runtime of its own.
local function run_apart(descriptor, fn, element)
  local opts = with_seed(options.of(element))
  local results, problem
  local ok, reported = in_runtime({}, opts, told.name(element), function()
    results = { safe(descriptor, limited(opts, element, fn), element) }
    problem = look_after_hook(opts, element, results[1])
  end)
  if not ok then problem = problem or reported
  elseif not problem and #reported > 0 then
    problem = failure.reports(reported)
  end
  if problem then return failed(element, problem) end
  return unpack(results)
end

local function run_plain(descriptor, fn, element)
  return limit.call_plain(test.options, told.name(element), safe, descriptor,
    fn, element)
end

local function run_piece(descriptor, run, element)
  local fn = body.open(run)
  if test and test.plain and element == test.element then
    return run_plain(descriptor, fn, element)
  end
  if not core.is_running() then return run_apart(descriptor, fn, element) end
  local opts = test and test.options or options.of(element)
  local results = { safe(descriptor, limited(opts, element, fn), element) }
  if test and not results[1]:success() then test.failed = true end
  return unpack(results)
end

-- -- One test -----------------------------------------------------------------

-- The event of the test's end, which was held back.
local function end_test(this)
  local ended = this.ended
  if this.problem and not this.failed then
    tell(ended and "failure" or "error", this.element, this.problem)
    if ended then ended[3] = "failure" end
  end
  if not ended and this.started then -- its task was given up
    ended = { "test", busted.context.parent(this.element), "error" }
  end
  if ended then
    safe_publish("test", { "test", "end" }, this.element, ended[2], ended[3])
  end
end

-- What is to be looked at in the test's task at its end.
local function look_after_test(this, noted)
  local ok, err = pcall(case.finalize, this.options, this.name, this.err)
  if not ok then
    this.problem = failure.describe(err)
  elseif this.options.leaks and not this.failed then
    this.left = leaks.find(noted)
  end
  look_for_signal()
end

local function run_in_task(this, executor, noted)
  this.results = { safe("it", executor, this.element) }
  if this.ended and this.ended[3] ~= "success" then this.failed = true end
  scope.shield(function() look_after_test(this, noted) end)
end

local function judge(this, reported, descriptors)
  local left = this.left or {}
  for _, text in ipairs(descriptors) do left[#left + 1] = text end
  if this.problem then return end
  if this.options.leaks and #left > 0 then
    this.problem = failure.leaks(left, this.what)
  elseif #reported > 0 then
    this.problem = failure.reports(reported)
  end
end

local function run_in_runtime(this, executor)
  with_seed(this.options)
  local ok, reported, descriptors = in_runtime(this, this.options, this.name,
    function()
      run_in_task(this, executor)
      return this.left
    end)
  if ok then return judge(this, reported, descriptors) end
  this.problem = reported
end

-- In the runtime of its describe: a task of it. Descriptors are for its end: it
-- may be another task of the describe's that has opened them.
local function run_in_shared(this, executor)
  local noted = leaks.note()
  local before, outer = finalizers.swap {}, depth
  reports.take()
  local ok, err = pcall(group.group, function(g)
    g:spawn("test", run_in_task, this, executor, noted)
  end)
  if not ok and not this.results then this.problem = failure.describe(err) end
  finalizers.swap(before)
  leave_contexts(outer)
  local cut = limit.forget()
  if cut then this.problem = told.text(cut) end
  judge(this, reports.take(), {})
  look_for_signal()
end

local function why_not_shared(opts)
  if opts.plain then
    return "a plain test cannot run here: its describe shares a runtime"
  end
  if opts.virtual == core.is_virtual() then return nil end
  return ("the test wants the %s clock, and the runtime that its describe "
    .. "shares has the %s one: testing.options{shared = true, virtual = %s}")
    :format(opts.virtual and "virtual" or "real",
      core.is_virtual() and "virtual" or "real", tostring(opts.virtual))
end

local function run_where_it_belongs(this, executor)
  if core.is_running() then
    this.problem = why_not_shared(this.options)
    if not this.problem then run_in_shared(this, executor) end
  elseif this.plain then
    this.results = { safe("it", executor, this.element) }
  else
    run_in_runtime(this, executor)
  end
end

local function run_test(executor, element)
  local _, own = body.open(element.run)
  local opts = options.of(element, own)
  block.lazySetup(busted.context.parent(element)) -- it is not the test's
  local this = { element = element, options = opts, plain = opts.plain,
    name = told.name(element), what = "the test" }
  test = this
  run_where_it_belongs(this, executor)
  test = nil
  end_test(this)
  return unpack(this.results or { busted.status "error" })
end

-- -- A describe that shares its runtime ---------------------------------------

local SETUPS = { "strict_setup", "strict_teardown" }

-- busted runs setup right after the body of a describe was read; that of one
-- that shares its runtime has to wait for the runtime.
local function take_setups(element)
  local taken = {}
  for _, name in ipairs(SETUPS) do
    taken[name], element[name] = element[name], nil
  end
  return taken
end

local function execute_in_runtime(element, opts, setups)
  for name, list in entries(setups) do element[name] = list end
  if block.setup(element) then execute(element) end
  block.lazyTeardown(element)
  block.teardown(element)
  take_setups(element)
  case.finalize(opts, told.name(element))
end

local function execute_shared(element, setups)
  local opts = with_seed(options.of(element))
  local this = { what = "the " .. element.descriptor }
  local ok, reported, descriptors = in_runtime(this, opts, told.name(element),
    function()
      execute_in_runtime(element, opts, setups)
      scope.shield(function() this.left = leaks.find() end)
      return this.left
    end)
  if not ok then
    test = nil
    return failed(element, reported)
  end
  local left = this.left
  for _, text in ipairs(descriptors) do left[#left + 1] = text end
  if #left > 0 and opts.leaks and not interrupted then
    failed(element, failure.leaks(left, this.what))
  elseif #reported > 0 then
    failed(element, failure.reports(reported))
  end
end

-- -- What replaces busted's own -----------------------------------------------

local function read_block(descriptor, run, element)
  options.forget(element)
  local before = finalizers.swap(false)
  local results = { safe(descriptor, run, element) }
  finalizers.swap(before)
  if options.own(element, "shared") and not core.is_running() then
    element.weft_setups = take_setups(element)
  end
  return unpack(results)
end

function suite.safe(descriptor, run, element)
  local kind = element.descriptor
  local is_body = run == element.run
  if descriptor == "it" and kind == "it" and not is_body then
    return run_test(run, element)
  elseif is_body and (kind == "it" or HOOKS[kind])
      or descriptor == "finally" then
    return run_piece(descriptor, run, element)
  elseif is_body then
    return read_block(descriptor, run, element)
  end
  return safe(descriptor, run, element)
end

function suite.safe_publish(descriptor, channel, element, ...)
  if test and element == test.element and channel[1] == "test"
      then
    test.started = true
    if channel[2] == "end" then
      test.ended = { descriptor, ... }
      return true
    end
  end
  return safe_publish(descriptor, channel, element, ...)
end

function suite.execute(element)
  local setups = element and element.weft_setups
  if not setups then return execute(element) end
  element.weft_setups = nil
  return execute_shared(element, setups)
end

-- The last that busted does; it knows no status of its own for Ctrl-C.
function suite.publish(channel, ...)
  local results = { publish(channel, ...) }
  if channel[1] == "exit" and interrupted then
    io.stdout:flush()
    os.exit(EXIT_SIGNAL[interrupted], true)
  end
  return unpack(results)
end

-- -- Modules ------------------------------------------------------------------

local function is_ours(name)
  return name == "weft" or type(name) == "string" and name:find "^weft%."
end

local function our_modules()
  local found = {}
  for name, module in entries(package.loaded) do
    if is_ours(name) then found[name] = module end
  end
  return found
end

local function count_pushes(push)
  return function(...)
    push(...)
    depth = depth + 1
  end
end

-- After a file busted forgets what was loaded in it. There is only one weft.
local function keep_modules(pop)
  return function()
    depth = depth - 1
    local attributes = busted.context.get "attributes"
    if not attributes or attributes.envmode ~= "insulate" then return pop() end
    local found = our_modules()
    pop()
    for name, module in entries(found) do package.loaded[name] = module end
  end
end

--- Has busted run tests in tasks. More than once is fine.
---@param busted_core table
function suite.install(busted_core)
  if busted then return end
  busted = busted_core
  require "weft.testing.assertions"
  block = require "busted.block"(busted)
  safe, safe_publish = busted.safe, busted.safe_publish
  execute, publish = busted.execute, busted.publish
  busted.safe, busted.safe_publish = suite.safe, suite.safe_publish
  busted.execute, busted.publish = suite.execute, suite.publish
  busted.context.push = count_pushes(busted.context.push)
  busted.context.pop = keep_modules(busted.context.pop)
  told.install(busted)
  options.use_context(busted.context)
  core.take_interrupt()
end

return suite
