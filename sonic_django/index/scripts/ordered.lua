-- Ordered sets by rank, packed or not.
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: functions that stay locals, see members.lua
-- cost     stated with the functions
--
-- requires: members packed ranks

local function packed_of(set) return set.kind == 'id' and open_packed(set.key) end

local function size(set)
  if set.kind == 'id' then return cardinality_of(set.key) end
  return redis.call('ZCARD', set.key)
end

-- The members of ascending ranks low to high - 1, the last first if descending. O(log n + page).
local function by_rank(set, low, high, descending)
  if high <= low then return {} end
  local packed = packed_of(set)
  if packed then
    local members = packed_by_rank(packed, low, high)
    if descending then
      local number = #members
      for i = 1, math.floor(number / 2) do
        members[i], members[number + 1 - i] = members[number + 1 - i], members[i]
      end
    end
    return members
  end
  if descending then
    return redis.call('ZREVRANGE', set.key, set.card - high, set.card - 1 - low)
  end
  return redis.call('ZRANGE', set.key, low, high - 1)
end

-- The number of entries before (score, member). O(log n), O(log^2 n) among equal scores.
local function rank(set, score, member)
  local packed = packed_of(set)
  if packed then
    -- The rank after an id, or before it.
    local id, after = member:match('^.(%d+)(%z?)$')
    if not id then return 0 end
    if after == '\0' and packed_contains(packed, id) then return packed_rank(packed, id) + 1 end
    return packed_rank(packed, id)
  end
  if set.kind == 'text' then
    if member == '' then return 0 end
    return redis.call('ZLEXCOUNT', set.key, '-', '(' .. member)
  end
  local below = redis.call('ZCOUNT', set.key, '-inf', '(' .. score)
  if member == '' then return below end
  -- Nearly always all ties are plain ids: the first or the last of them decides.
  local after = redis.call('ZRANGE', set.key, below, below, 'WITHSCORES')
  if not after[1] or tonumber(after[2]) ~= tonumber(score) or not less(after[1], member) then
    return below
  end
  local ties = redis.call('ZCOUNT', set.key, score, score)
  local low, high = below + 1, below + ties
  if less(redis.call('ZRANGE', set.key, high - 1, high - 1)[1], member) then return high end
  while low < high do
    local middle = math.floor((low + high) / 2)
    if less(redis.call('ZRANGE', set.key, middle, middle)[1], member) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end
