--- A program that does nothing but run the loop: luajit bench/startup/luv.lua

require("luv").run()
