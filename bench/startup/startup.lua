--- A program that does nothing: weft bench/startup/startup.lua
-- It runs in a task, and waits once.

local weft = require "weft"

weft.yield()
