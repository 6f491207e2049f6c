-- Packed sets: many ids in few bytes, with ranks.
--
-- A sorted set of plain ids in their order takes some 100 bytes an entry once it is large.
-- When it has more than PACKED_FROM entries, and they are close enough together, it becomes:
--
--   <key>          a hash: "n" the number of ids, "m" the highest chunk there has been, and counts:
--                  "<chunk>" the ids of a chunk, less than zero if they are in a bitmap, "1/<block>"
--                  those of FAN chunks, "2/<block>" of FAN times as many, ... up to a level that has
--                  no more than FAN blocks
--   <key>#<chunk>  the ids of a chunk, which share all digits but the last DIGITS: a set of small
--                  integers (1 and those digits; two bytes each in Redis), and when there are more
--                  than BITS_FROM a bitmap
--
-- Ids are text, as a number in Lua cannot represent 64 bits; a chunk's number fits.
-- An entry takes 0.13 to 10 bytes in a bitmap, 2 to 5 in a set of integers that is well filled.
-- The counts make a tree, so a rank and the entry at a rank take O(log n) commands.
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: functions that stay locals, see members.lua
-- cost     stated with the functions

local PACKED_FROM, BITS_FROM, DIGITS, FAN = 128, 128, 4, 100
local PER_CHUNK = 3 -- with fewer ids for each count, on average, packing would not save memory
local FEW_COUNTS = 32 -- counts that any packed set may have; besides them one for every second id
-- In sets of long ids, which have more levels than this, one for so many ids: there an id that is far
-- from others costs a count, and for its rank a read of FAN counts, on every level.
local DEEP, PER_DEEP_COUNT = 3, 50
local UNPACKED_UPTO = 32768 -- ids of a packed set that is made a sorted set again: some 50 ms, once
local PACKED_UPTO = 4096 -- a larger sorted set is not packed: the conversion would take too long
local SPAN = 10 ^ DIGITS
local BYTES = math.ceil(SPAN / 8)
local BIT = { 128, 64, 32, 16, 8, 4, 2, 1 } -- as SETBIT numbers them

local opened = {} -- key -> its packed set, or false for a sorted set
local cards = {} -- written sorted sets -> their numbers of entries

local function new_packed(key, n, top)
  return { key = key, n = n, top = top, kinds = {}, texts = {}, counts = {}, sums = {}, changed = {} }
end

-- Note the number of ids of a chunk, and their form: "set", "bits" or "none".
local function note_chunk(set, chunk, count)
  count = tonumber(count) or 0
  set.kinds[chunk] = count < 0 and 'bits' or count > 0 and 'set' or 'none'
  set.counts[chunk] = math.abs(count)
end

-- The packed set of a key, or false. ``chunk`` is one that will be read.
local function open_packed(key, chunk)
  local set = opened[key]
  if set == nil then
    set = false
    if redis.call('TYPE', key).ok == 'hash' then
      local facts = redis.call('HMGET', key, 'n', 'm', chunk or 'n')
      set = new_packed(key, tonumber(facts[1]), tonumber(facts[2]))
      if chunk then note_chunk(set, chunk, facts[3]) end
    end
    opened[key] = set
  end
  return set
end

local function chunk_of(id) return #id > DIGITS and id:sub(1, -DIGITS - 1) or '0' end

-- The chunk as text and the offset in it.
local function split(id) return chunk_of(id), tonumber(id:sub(-DIGITS)) end

local function text_of(number) return ('%d'):format(number) end

local function kind_of(set, chunk)
  if not set.kinds[chunk] then note_chunk(set, chunk, redis.call('HGET', set.key, chunk)) end
  return set.kinds[chunk]
end

-- A bitmap as a string of its bytes; read once a run.
local function bits_of(set, chunk)
  local text = set.texts[chunk]
  if not text then
    text = redis.call('GET', set.key .. '#' .. chunk)
    set.texts[chunk] = text
  end
  return text
end

local function is_set(text, offset)
  local byte = text:byte(math.floor(offset / 8) + 1)
  return math.floor(byte / BIT[offset % 8 + 1]) % 2 == 1
end

-- The level whose blocks are few enough for one read.
local function top_level(top)
  local level = 0
  while top >= FAN do
    top, level = math.floor(top / FAN), level + 1
  end
  return level
end

-- O(1).
local function packed_contains(set, id)
  local chunk, offset = split(id)
  local kind = kind_of(set, chunk)
  if kind == 'bits' then return is_set(bits_of(set, chunk), offset) end
  if kind == 'none' then return false end
  return redis.call('SISMEMBER', set.key .. '#' .. chunk, SPAN + offset) == 1
end

-- Packed or not: any set by its key.

local function cardinality_of(key)
  local packed = open_packed(key)
  return packed and packed.n or cards[key] or redis.call('ZCARD', key)
end

-- The score as Redis writes it; false if the member is not in the set. O(1).
local function score_in(key, member)
  local packed = open_packed(key)
  if not packed then return redis.call('ZSCORE', key, member) end
  local id = member:sub(2)
  return member:match('^[0-9a-z]%d+$') ~= nil and packed_contains(packed, id) and id
end
