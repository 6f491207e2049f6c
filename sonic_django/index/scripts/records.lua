-- The recorded versions of the objects in a range of ids. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     1 lowest id, 2 highest id, 3 the most objects of either set
-- returns  {the highest id up to which the result is complete,
--          id, version, live (1 or 0), ...}; of live and soft-deleted objects
-- cost     O(log^2 n + objects)
--
-- requires: members ordered record

local low, high, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local last = member_of(high)
local pages = {}
for i, name in ipairs({ 'ids', 'del' }) do
  -- By rank, not by score: beyond 2^53 many ids share one double.
  local set = { key = base .. ':' .. name, kind = 'id' }
  local start = rank(set, low, member_of(low))
  pages[i] = by_rank(set, start, math.min(start + limit, size(set)))
  if #pages[i] == limit and less(pages[i][limit], last) then last = pages[i][limit] end
end

local found = { last:sub(2) }
for _, members in ipairs(pages) do
  for _, member in ipairs(members) do
    if less(last, member) then break end
    local id = member:sub(2)
    local record = Record.read_record(id) or { 0, 0 }
    found[#found + 1] = id
    found[#found + 1] = record[1]
    found[#found + 1] = record[2]
  end
end
return found
