--- Tests in tasks: `require "weft.testing"`.
--
-- With the helper (`helper = "weft.testing.busted"` in `.busted`, or
-- `weft test`) every test of busted's runs in a task; without it those do that
-- are made with `testing.task` and `testing.virtual`.
-- @module weft.testing

local body = require "weft.testing.body"
local clock = require "weft.testing.clock"
local env = require "weft.testing.env"
local faults = require "weft.testing.faults"
local faulty = require "weft.testing.faulty"
local finalizers = require "weft.testing.finalizers"
local fixture = require "weft.testing.fixture"
local options = require "weft.testing.options"
local reports = require "weft.testing.reports"
local sequencer = require "weft.testing.sequencer"
local server = require "weft.testing.server"
local stream_pair = require "weft.testing.stream_pair"
local stub = require "weft.testing.stub"
local temp_dir = require "weft.testing.temp_dir"

return {
  options = options.set,
  with = body.with,
  virtual = body.virtual,
  task = body.task,
  plain = body.plain,
  reports = reports.take,

  clock = clock.new,
  wait_all_parked = clock.wait_all_parked,
  sequencer = sequencer.new,

  async_stub = stub.new,
  stub = stub.replace,

  use = finalizers.use,
  defer = finalizers.defer,
  fixture = fixture.new,
  temp_dir = temp_dir.new,
  env = env.set,
  serve = server.serve,

  stream_pair = stream_pair.new,
  set_faults = faults.set,
  faulty = faulty.new,
}
