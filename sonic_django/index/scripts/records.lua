-- The versions that the index has seen of the objects in a range of ids. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     1 lowest id, 2 highest id
-- returns  {id, version, live (1 or 0), ...}; of live and soft-deleted objects
-- cost     O(log n + objects in the range)

local found = {}
for _, name in ipairs({ 'ids', 'del' }) do
  local members = redis.call('ZRANGEBYSCORE', base .. ':' .. name, ARGV[1], ARGV[2])
  for _, member in ipairs(members) do
    local id = member:sub(2)
    local record = read_record(id) or { 0, 0 }
    found[#found + 1] = id
    found[#found + 1] = record[1]
    found[#found + 1] = record[2]
  end
end
return found
