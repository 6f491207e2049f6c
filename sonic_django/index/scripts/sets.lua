-- The shared functions that know how an ordered set is kept.
--
-- A set is a table {key =, kind =}: kind "id" (score is the id), "score" (a number; members may
-- carry a prefix that orders exactly what one double cannot tell apart) or "text" (score 0, the
-- whole string as prefix). See sonic_django/index/encoding.py for the form of members. Those by id
-- may be packed.
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: the table Sets, of functions that scripts share
-- cost     stated with the functions
--
-- requires: packed

local Sets
do
  local open_packed, packed_contains = Packed.open_packed, Packed.packed_contains

  local cards = {} -- sorted sets that were written to -> their numbers of entries

  local function cardinality_of(key)
    local packed = open_packed(key)
    return packed and packed.n or cards[key] or redis.call('ZCARD', key)
  end

  -- The score as Redis writes it; false for what is not in the set. O(1).
  local function score_in(key, member)
    local packed = open_packed(key)
    if not packed then return redis.call('ZSCORE', key, member) end
    local id = member:sub(2)
    return member:match('^[0-9a-z]%d+$') ~= nil and packed_contains(packed, id) and id
  end

  Sets = {
    cards = cards, cardinality_of = cardinality_of, score_in = score_in
  }
end
