-- The entries of some objects, from their records. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     ids
-- returns  for each id, in order: {version, live (1 or 0), set name, prefix, ...} or {} if unknown
-- cost     O(entries) an object
--
-- requires: record

local found = {}
for i, id in ipairs(ARGV) do found[i] = Record.read_record(id) or {} end
return found
