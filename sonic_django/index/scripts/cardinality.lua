-- The numbers of members of sets of plain ids. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     names of sets
-- returns  a number for each
-- cost     O(1) a set
--
-- requires: members packed

local numbers = {}
for i, name in ipairs(ARGV) do numbers[i] = cardinality_of(base .. ':' .. name) end
return numbers
