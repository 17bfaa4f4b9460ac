--- What the specs share: looking at errors, and waiting for reports.
local weft = require "weft"
local errors = require "weft.error"
local testing = require "weft.testing"

local helper = {}

--- Lets the others run until something is reported; returns the reports.
function helper.await_reports()
  local reports
  repeat
    collectgarbage()
    weft.yield()
    reports = testing.reports()
  until #reports > 0
  return reports
end

--- Calls `fn` and returns the error object it raises; fails if it raises none.
function helper.error_of(fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("expected an error, but none was raised", 2) end
  return err
end

--- Checks that fn(...) raises an error of the class; returns that.
function helper.fails(class, fn, ...)
  local err = helper.error_of(fn, ...)
  if not (errors.is_error(err) and err:is(class)) then
    error("expected a " .. class .. ", got " .. tostring(err), 2)
  end
  return err
end

--- Checks that fn(...) raises an ArgumentError that says all the pieces.
function helper.refuses(pieces, fn, ...)
  local err = helper.fails("ArgumentError", fn, ...)
  for _, piece in ipairs(pieces) do
    if not err.message:find(piece, 1, true) then
      error("no '" .. piece .. "' in: " .. err.message, 2)
    end
  end
  return err
end

--- Has everybody run who can, and what is due after that. Parks.
function helper.settle()
  for _ = 1, 4 do weft.yield() end
end

return helper
