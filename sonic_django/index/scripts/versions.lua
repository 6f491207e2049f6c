-- The recorded versions of some objects. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     ids
-- returns  for each id, in order: version, live (1 or 0); version -1 if unknown or destroyed
-- cost     O(1) an object
--
-- requires: record

local found = {}
for _, id in ipairs(ARGV) do
  local record = Record.read_record(id)
  if record and Record.is_tombstone(id, record) then record = nil end
  found[#found + 1] = record and record[1] or -1
  found[#found + 1] = record and record[2] or 0
end
return found
