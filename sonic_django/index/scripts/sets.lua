-- The shared functions that know how an ordered set is kept.
--
-- A set is a table {key =, kind =}: kind "id" (score is the id), "score" (a number; members may
-- carry a prefix that orders exactly what one double cannot tell apart) or "text" (score 0, the
-- whole string as prefix). See sonic_django/index/encoding.py for the form of members. Those by id
-- may be packed.

-- Writing: O(log n) each. Scripts that write end with finish_sets().
local grown = {} -- sorted sets of plain ids that have got new entries
local cards = {} -- their numbers of entries

local function add_id(key, id)
  local packed = open_packed(key, chunk_of(id))
  if packed then return packed_add(packed, id) end
  local added = redis.call('ZADD', key, id, member_of(id))
  if added == 1 then grown[key] = (grown[key] or 0) + 1 end
  return added
end

local function remove(key, prefix, id)
  local packed = prefix == '' and open_packed(key, chunk_of(id))
  if packed then return packed_remove(packed, id) end
  return redis.call('ZREM', key, prefix .. member_of(id))
end

local function cardinality_of(key)
  local packed = open_packed(key)
  return packed and packed.n or cards[key] or redis.call('ZCARD', key)
end

-- Once all is added and removed, before cardinality_of() is asked.
local function count_grown()
  for key in pairs(grown) do cards[key] = redis.call('ZCARD', key) end
end

local function finish_sets()
  for key, added in pairs(grown) do pack_if_dense(key, cards[key] or redis.call('ZCARD', key), added) end
  write_counts()
end

-- The score as Redis writes it; false for what is not in the set. O(1).
local function score_in(key, member)
  local packed = open_packed(key)
  if not packed then return redis.call('ZSCORE', key, member) end
  local id = member:sub(2)
  return member:match('^[0-9a-z]%d+$') ~= nil and packed_contains(packed, id) and id
end
