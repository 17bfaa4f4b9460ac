--- Tests in tasks: `require "weft.testing"`.
--
-- With the helper (`helper = "weft.testing.busted"` in `.busted`, or
-- `weft test`) every test of busted's runs in a task; without it those do that
-- are made with `testing.task` and `testing.virtual`.
-- @module weft.testing

local body = require "weft.testing.body"
local finalizers = require "weft.testing.finalizers"
local options = require "weft.testing.options"
local reports = require "weft.testing.reports"

return {
  options = options.set,
  with = body.with,
  virtual = body.virtual,
  task = body.task,
  plain = body.plain,
  reports = reports.take,

  use = finalizers.use,
  defer = finalizers.defer,
}
