--- Results that come in pages, as if they were one list.
--
--   weft examples/30_pages.lua
--
-- It prints
--   (page 1)
--   ant
--   bee
--   (page 2)
--   cat
--   dog
--   2 of 4 pages were fetched
--   all: ant bee cat dog eel fox gnu

local weft = require "weft"

-- Stands for a service that gives two items at a time, and says where the next
-- ones are.
local ANIMALS = { "ant", "bee", "cat", "dog", "eel", "fox", "gnu" }
local PAGES = math.ceil(#ANIMALS / 2)
local fetched = 0
local function fetch(number)
  weft.sleep(0.005)
  fetched = fetched + 1
  return {
    items = { ANIMALS[2 * number - 1], ANIMALS[2 * number] },
    next = number < PAGES and number + 1 or nil,
  }
end

-- The consumer sees items and no pages. The next page is fetched when it is
-- needed, and not before.
local animals = weft.generator(function(yield, show)
  local number = 1
  while number do
    local page = fetch(number)
    if show then print(("(page %d)"):format(number)) end
    for _, animal in ipairs(page.items) do yield(animal) end
    number = page.next
  end
end)

for animal in animals(true) do
  print(animal)
  if animal == "dog" then break end
end
print(("%d of %d pages were fetched"):format(fetched, PAGES))

print("all: " .. table.concat(weft.collect(animals()), " "))
