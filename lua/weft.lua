--- weft: tasks, groups, timeouts and what they are used with.
-- @module weft

local barrier = require "weft.barrier"
local call = require "weft.call"
local catch = require "weft.catch"
local channel = require "weft.channel"
local collect = require "weft.collect"
local context = require "weft.context"
local context_var = require "weft.context_var"
local condition = require "weft.condition"
local debug_switch = require "weft.debug"
local entries = require "weft.entries"
local errors = require "weft.error"
local event = require "weft.event"
local first = require "weft.first"
local future = require "weft.future"
local generator = require "weft.generator"
local group = require "weft.group"
local inspect = require "weft.inspect"
local lifo_queue = require "weft.lifo_queue"
local limiter = require "weft.limiter"
local lock = require "weft.lock"
local many = require "weft.many"
local priority_queue = require "weft.priority_queue"
local queue = require "weft.queue"
local rate_limiter = require "weft.rate_limiter"
local report = require "weft.report"
local resource = require "weft.resource"
local run = require "weft.run"
local scope = require "weft.scope"
local semaphore = require "weft.semaphore"
local stack = require "weft.stack"
local stats = require "weft.stats"
local task = require "weft.task"
local time = require "weft.time"
local tree = require "weft.tree"
require "weft.coroutine"

local weft = {
  VERSION = require("weft.core").version(),

  error_class = errors.error_class,
  try = catch.try,
  catch = catch.catch,
  finally = catch.finally,

  -- What a pattern needs besides. `xpcall(fn, weft.trace)` keeps where an error
  -- was raised, for who reports it; `error(weft.trace(weft.ClosedError "..."))`
  -- raises one that knows where. (What is to be raised on goes through
  -- `weft.finally` or `weft.try`, which keep it too.)
  trace = errors.trace,
  report = report.failure,

  with = resource.with,
  context = context.context,
  stack = stack.stack,

  run = run.run,
  debug = debug_switch.debug,

  spawn = task.spawn,
  current_task = task.current,
  all_tasks = task.all,
  tree = tree.tree,
  stats = stats.stats,
  inspect = inspect.inspect,

  sleep = time.sleep,
  sleep_until = time.sleep_until,
  sleep_forever = time.sleep_forever,
  yield = time.yield,
  checkpoint = time.checkpoint,
  now = time.now,

  call_soon = call.soon,
  call_later = call.later,
  call_at = call.at,
  future = future.new,
  context_var = context_var.new,

  group = group.group,
  scope = scope.scope,
  timeout = scope.timeout,
  timeout_at = scope.timeout_at,
  move_on_after = scope.move_on_after,
  move_on_at = scope.move_on_at,
  shield = scope.shield,
  current_deadline = scope.current_deadline,
  wait_for = first.wait_for,

  gather = many.gather,
  map = many.map,
  each = many.each,
  wait = first.wait,
  as_completed = first.as_completed,
  race = first.race,
  any = first.any,

  generator = generator.generator,
  closing = generator.closing,
  collect = collect.collect,
  collect_map = collect.collect_map,

  event = event.new,
  barrier = barrier.new,
  semaphore = semaphore.new,
  bounded_semaphore = semaphore.bounded,
  rate_limiter = rate_limiter.new,
  sliding_window = rate_limiter.sliding_window,
  lock = lock.new,
  condition = condition.new,
  limiter = limiter.new,
  queue = queue.new,
  priority_queue = priority_queue.new,
  lifo_queue = lifo_queue.new,
  channel = channel.new,
}

for name, class in entries(errors.classes) do weft[name] = class end

-- What comes when it is first asked for: modules that load a library of their
-- own, and the patterns, each with the name of its function in the module.
local lazy = {
  dns = { "weft.dns" },
  http = { "weft.http" },
  fs = { "weft.fs" },
  json = { "weft.json" },
  net = { "weft.net" },
  stdio = { "weft.stdio" },
  process = { "weft.process" },
  signals = { "weft.signals", "signals" },
  tls = { "weft.tls" },
  trace_file = { "weft.trace_file" },
  executor = { "weft.executor" },
  to_thread = { "weft.thread", "to_thread" },
  background = { "weft.background", "new" },
  cache = { "weft.cache", "new" },
  cron = { "weft.cron", "cron" },
  every = { "weft.every", "every" },
  pipeline = { "weft.pipeline", "pipeline" },
  pool = { "weft.pool", "new" },
  retry = { "weft.retry", "retry" },
  supervisor = { "weft.supervisor", "new" },
}

return setmetatable(weft, {
  lazy = lazy, -- for who completes names
  __index = function(self, key)
    local place = lazy[key]
    if not place then return nil end
    local value = require(place[1])
    if place[2] then value = value[place[2]] end
    self[key] = value
    return value
  end,
})
