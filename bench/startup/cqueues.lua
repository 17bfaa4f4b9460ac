--- A program that runs one coroutine: luajit bench/startup/cqueues.lua

local cqueues = require "cqueues"

local controller = cqueues.new()
controller:wrap(function() cqueues.sleep(0) end)
assert(controller:loop())
