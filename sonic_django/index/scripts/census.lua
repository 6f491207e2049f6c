-- The objects that have a record, some at a time. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     1 cursor, 2 records to look at
-- returns  {the cursor to go on with, "0" at the end, id, ...}; without the destroyed ones
-- cost     O(records)
--
-- requires: members record

local page = redis.call('HSCAN', base .. ':rec', ARGV[1], 'COUNT', ARGV[2])
local found = { page[1] }
for i = 1, #page[2], 2 do
  local id, record = page[2][i], Record.unpacked(page[2][i + 1])
  if not Record.is_tombstone(id, record) then found[#found + 1] = id end
end
return found
