-- Packed sets: many ids in few bytes, with ranks.
--
-- A sorted set that holds plain ids in their order takes some 100 bytes an entry once it is large.
-- When it has grown past PACKED_FROM entries, and they stand close enough, it becomes:
--
--   <key>          a hash: "n" the number of ids, "m" the highest chunk there has been, and counts:
--                  "<chunk>" the ids of a chunk, less than zero if they are in a bitmap, "1/<block>"
--                  those of FAN chunks, "2/<block>" of FAN times as many, ... up to a level that has
--                  no more than FAN blocks
--   <key>#<chunk>  the ids of a chunk, which share all digits but the last DIGITS: a set of small
--                  integers (1 and those digits; two bytes each in Redis), and when there are more
--                  than BITS_FROM a bitmap
--
-- Ids are text, as 64 bits are more than a number in Lua holds; a chunk's number is not.
-- An entry takes 0.13 to 10 bytes in a bitmap, 2 to 5 in a set of integers that is well filled.
-- The counts make a tree, so a rank and the entry at a rank take O(log n) commands.

local PACKED_FROM, BITS_FROM, DIGITS, FAN = 128, 128, 4, 100
local PER_CHUNK = 3 -- with fewer ids in a chunk, on an average, packing would not save room
local PACKED_UPTO = 4096 -- a larger sorted set stays one: to convert it would take too long
local SPAN = 10 ^ DIGITS
local BYTES = math.ceil(SPAN / 8)
local BIT = { 128, 64, 32, 16, 8, 4, 2, 1 } -- as SETBIT numbers them

local opened = {} -- key -> its packed set, or false for a sorted set

local function new_packed(key, n, top)
  return { key = key, n = n, top = top, kinds = {}, texts = {}, counts = {}, sums = {}, changed = {} }
end

-- How many ids a chunk has, and how they are kept: "set", "bits" or "none".
local function note_chunk(set, chunk, count)
  count = tonumber(count) or 0
  set.kinds[chunk] = count < 0 and 'bits' or count > 0 and 'set' or 'none'
  set.counts[chunk] = math.abs(count)
end

-- ``chunk``: one that is going to be asked for.
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

-- O(1).
local function packed_contains(set, id)
  local chunk, offset = split(id)
  local kind = kind_of(set, chunk)
  if kind == 'bits' then return is_set(bits_of(set, chunk), offset) end
  if kind == 'none' then return false end
  return redis.call('SISMEMBER', set.key .. '#' .. chunk, SPAN + offset) == 1
end

-- Writing --------------------------------------------------------------------------------------------

local function to_bits(set, chunk)
  local key, bytes = set.key .. '#' .. chunk, {}
  for i = 1, BYTES do bytes[i] = 0 end
  for _, number in ipairs(redis.call('SMEMBERS', key)) do
    local offset = number - SPAN
    local i = math.floor(offset / 8) + 1
    bytes[i] = bytes[i] + BIT[offset % 8 + 1]
  end
  -- At once in full length: a bitmap that grows bit by bit is given twice the room.
  redis.call('SET', key, string.char(unpack(bytes)))
  set.kinds[chunk] = 'bits'
end

-- The level whose blocks are few enough to be read at once.
local function top_level(top)
  local level = 0
  while top >= FAN do
    top, level = math.floor(top / FAN), level + 1
  end
  return level
end

local function change(set, field, by)
  local count = set.counts[field]
  if not count then count = tonumber(redis.call('HGET', set.key, field)) or 0 end
  set.counts[field], set.changed[field] = count + by, true
end

-- A chunk has one more or one less; written by write_counts().
local function count_change(set, chunk, by)
  local number = tonumber(chunk)
  if number > set.top then
    -- All that was there is in the first block of each new level.
    for level = top_level(set.top) + 1, top_level(number) do
      set.counts[level .. '/0'], set.changed[level .. '/0'] = set.n, true
    end
    set.top, set.raised = number, true
  end
  change(set, chunk, by)
  for level = 1, top_level(set.top) do
    number = math.floor(number / FAN)
    change(set, level .. '/' .. text_of(number), by)
  end
  set.n = set.n + by
end

-- Whether it was not there. O(1).
local function packed_add(set, id)
  local chunk, offset = split(id)
  local key = set.key .. '#' .. chunk
  if kind_of(set, chunk) == 'bits' then
    if redis.call('SETBIT', key, offset, 1) == 1 then return 0 end
  else
    -- What is not counted is not in the set, whatever may have been left there.
    if set.kinds[chunk] == 'none' then redis.call('DEL', key) end
    if redis.call('SADD', key, SPAN + offset) == 0 then return 0 end
    set.kinds[chunk] = 'set'
    if set.counts[chunk] >= BITS_FROM then to_bits(set, chunk) end
  end
  count_change(set, chunk, 1)
  return 1
end

-- Whether it was there. O(1).
local function packed_remove(set, id)
  local chunk, offset = split(id)
  local kind, key = kind_of(set, chunk), set.key .. '#' .. chunk
  if kind == 'bits' then
    if redis.call('SETBIT', key, offset, 0) == 0 then return 0 end
  elseif kind == 'none' or redis.call('SREM', key, SPAN + offset) == 0 then
    return 0
  end
  count_change(set, chunk, -1)
  return 1
end

-- Write the counts of what was added and removed in this run; to be called once, at its end.
local function write_counts()
  for key, set in pairs(opened) do
    if set and next(set.changed) then
      local written, empty = { 'n', text_of(set.n) }, {}
      if set.raised then written[3], written[4] = 'm', text_of(set.top) end
      for field in pairs(set.changed) do
        local count, kind = set.counts[field], set.kinds[field]
        if count == 0 then
          empty[#empty + 1] = field
          -- Sets of integers vanish with their last member, bitmaps do not.
          if kind == 'bits' then redis.call('DEL', key .. '#' .. field) end
        else
          written[#written + 1] = field
          written[#written + 1] = text_of(kind == 'bits' and -count or count)
        end
      end
      if set.n == 0 then
        redis.call('DEL', key)
      else
        redis.call('HSET', key, unpack(written))
        if #empty > 0 then redis.call('HDEL', key, unpack(empty)) end
      end
    end
  end
  opened = {}
end

-- Make a sorted set of plain ids that has got so many new entries a packed one, if it is large
-- enough and its ids stand close.
local function pack_if_dense(key, card, added)
  if card <= PACKED_FROM or card > PACKED_UPTO then return end
  -- Once past the limit it is looked at again only after it has doubled.
  local before = math.max(PACKED_FROM, card - added)
  local _, now_exponent = math.frexp(card)
  local _, exponent = math.frexp(before)
  if before > PACKED_FROM and now_exponent == exponent then return end
  local members, chunks, number = redis.call('ZRANGE', key, 0, -1), {}, 0
  for i = 1, #members do
    local chunk = split(members[i]:sub(2))
    if not chunks[chunk] then chunks[chunk], number = true, number + 1 end
  end
  if PER_CHUNK * number > card then return end
  redis.call('DEL', key)
  local set = new_packed(key, 0, 0)
  set.raised = true
  for chunk in pairs(chunks) do note_chunk(set, chunk, 0) end
  opened[key] = set
  for i = 1, #members do packed_add(set, members[i]:sub(2)) end
end
