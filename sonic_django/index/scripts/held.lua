-- What the records of some objects hold. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     ids
-- returns  for each id, in order: {version, live (1 or 0), set name, prefix, ...} or {} if unknown
-- cost     O(entries) an object

local found = {}
for i, id in ipairs(ARGV) do found[i] = read_record(id) or {} end
return found
