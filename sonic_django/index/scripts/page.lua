-- A page of a set, or of some sets one after the other, where no object needs a test. Most
-- queries are of this kind, so this script is small. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     1 digests of the indexes used (comma separated), 2 offset, 3 limit, 4 "asc" or "desc",
--          then for each set: name, kind, low score, low member, high score, high member ("" score:
--          open)
-- returns  {"unbuilt", digest, ...} or {"built", ids (comma separated), in order}
-- cost     O(log n + page)
--
-- requires: members ordered latest built

local missing = unbuilt(ARGV[1])
if missing then return { 'unbuilt', unpack(missing) } end

-- Redis refuses a rank beyond 64 bits; no set has 2^50 entries.
local offset, wanted = math.min(tonumber(ARGV[2]), 2 ^ 50), tonumber(ARGV[3])
local descending = ARGV[4] == 'desc'

-- The ids, and the number of entries that are still to be skipped.
local function page_of(i)
  local set, low, high = { key = base .. ':' .. ARGV[i], kind = ARGV[i + 1] }, ARGV[i + 2], ARGV[i + 4]
  local packed, is_last, ids = packed_of(set), i + 6 > #ARGV, nil
  if low == '' and high == '' then
    if packed then
      ids = descending and latest(packed, offset, wanted)
    else
      ids = redis.call(descending and 'ZREVRANGE' or 'ZRANGE', set.key, offset, offset + wanted - 1)
      for at = 1, #ids do ids[at] = id_of(set, ids[at]) end
    end
    if ids and (#ids > 0 or is_last) then return ids, 0 end
  end
  set.card = size(set)
  local first = low ~= '' and rank(set, low, ARGV[i + 3]) or 0
  local last = high ~= '' and rank(set, high, ARGV[i + 5]) or set.card
  local start, stop = first + offset, math.min(first + offset + wanted, last)
  if descending then start, stop = math.max(first, last - offset - wanted), last - offset end
  ids = by_rank(set, start, stop, descending)
  for at = 1, #ids do ids[at] = id_of(set, ids[at]) end
  return ids, math.max(0, offset - math.max(0, last - first))
end

local found = {}
for i = 5, #ARGV, 6 do
  local ids, left = page_of(i)
  offset, wanted = left, wanted - #ids
  for at = 1, #ids do found[#found + 1] = ids[at] end
  if wanted == 0 then break end
end
return { 'built', table.concat(found, ',') }
