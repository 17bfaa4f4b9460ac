--- A directory for the time of a test.
-- @module weft.testing.temp_dir

local finalizers = require "weft.testing.finalizers"
local fs = require "weft.fs"

local temp_dir = {}

--- Makes a directory, as `fs.mkdtemp` does, that is removed with all that is in
-- it at the end of the test, and returns its path. Each call makes another.
-- Parks.
---@param prefix string?
---@return string
function temp_dir.new(prefix) return finalizers.use(fs.tempdir(prefix)) end

return temp_dir
