-- Writing sets of plain ids, packed or not. Scripts that write end with finish_sets().
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: the table Packing, of functions that scripts share
-- cost     stated with the functions
--
-- requires: members packed

local Packing
do
  local function to_bits(set, chunk)
    local key, bytes = set.key .. '#' .. chunk, {}
    for i = 1, BYTES do bytes[i] = 0 end
    for _, number in ipairs(redis.call('SMEMBERS', key)) do
      local offset = number - SPAN
      local i = math.floor(offset / 8) + 1
      bytes[i] = bytes[i] + BIT[offset % 8 + 1]
    end
    -- In full length at once: a bitmap that grows bit by bit takes twice the memory.
    redis.call('SET', key, string.char(unpack(bytes)))
    set.kinds[chunk] = 'bits'
  end

  local function change(set, field, by)
    local count = set.counts[field]
    if not count then count = tonumber(redis.call('HGET', set.key, field)) or 0 end
    set.counts[field], set.changed[field] = count + by, true
  end

  -- Change the count of a chunk by ``by``; write_counts() writes it.
  local function count_change(set, chunk, by)
    local number = tonumber(chunk)
    if number > set.top then
      -- All former ids are in the first block of each new level.
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

  -- Add an id; returns 1 if it is new, else 0. O(1).
  local function packed_add(set, id)
    local chunk, offset = split(id)
    local key = set.key .. '#' .. chunk
    if kind_of(set, chunk) == 'bits' then
      if redis.call('SETBIT', key, offset, 1) == 1 then return 0 end
    else
      -- A chunk without a count is empty: a key that is left there is not part of the set.
      if set.kinds[chunk] == 'none' then redis.call('DEL', key) end
      if redis.call('SADD', key, SPAN + offset) == 0 then return 0 end
      set.kinds[chunk] = 'set'
      if set.counts[chunk] >= BITS_FROM then to_bits(set, chunk) end
    end
    count_change(set, chunk, 1)
    return 1
  end

  -- Remove an id; returns 1 if it was in the set, else 0. O(1).
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

  -- Write the counts that this run changed. Called once, at its end.
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
      opened[key] = nil
    end
  end

  -- Pack a sorted set of plain ids that has so many new entries, if it is large enough and its ids are
  -- close together.
  local function pack_if_dense(key, card, added)
    if card <= PACKED_FROM or card > PACKED_UPTO then return end
    -- Beyond the limit it is examined again only when its size has doubled.
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

  -- Packed or not ---------------------------------------------------------------------------------------

  local grown = {} -- sorted sets of plain ids with new entries

  -- Both O(log n).
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

  -- Called after all additions and removals, before cardinality_of().
  local function count_grown()
    for key in pairs(grown) do cards[key] = redis.call('ZCARD', key) end
  end

  local function finish_sets()
    for key, added in pairs(grown) do pack_if_dense(key, cards[key] or redis.call('ZCARD', key), added) end
    write_counts()
  end

  Packing = {
    to_bits = to_bits, count_change = count_change, grown = grown, add_id = add_id,
    remove = remove, count_grown = count_grown, finish_sets = finish_sets
  }
end
