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
    if by > 0 and set.counts[chunk] == 0 then set.grown = true end
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

  -- The members of a chunk, as scores and members of a sorted set.
  local function add_members(set, chunk, is_bits, list)
    local start = chunk == '0' and '' or chunk
    local function add(offset)
      local id = (chunk == '0' and '%d' or start .. '%0' .. DIGITS .. 'd'):format(offset)
      list[#list + 1], list[#list + 2] = id, member_of(id)
    end
    if not is_bits then
      for _, number in ipairs(redis.call('SMEMBERS', set.key .. '#' .. chunk)) do add(number - SPAN) end
      return
    end
    local text, at = redis.call('GET', set.key .. '#' .. chunk), 1
    at = text:find('%Z', at)
    while at do
      for i = 1, 8 do
        if math.floor(text:byte(at) / BIT[i]) % 2 == 1 then add(at * 8 - 9 + i) end
      end
      at = text:find('%Z', at + 1)
    end
  end

  -- Make a sorted set of a packed set again whose newer ids are far apart: for each of them there would
  -- be a chunk, and a count on every level.
  local function unpack_if_sparse(set)
    if set.n == 0 or set.n > UNPACKED_UPTO then return end
    local per_count = top_level(set.top) > DEEP and PER_DEEP_COUNT or 2
    if redis.call('HLEN', set.key) <= FEW_COUNTS + set.n / per_count then return end
    local fields, list = redis.call('HGETALL', set.key), {}
    for i = 1, #fields, 2 do
      if fields[i]:match('^%d+$') then
        add_members(set, fields[i], tonumber(fields[i + 1]) < 0, list)
        redis.call('DEL', set.key .. '#' .. fields[i])
      end
    end
    redis.call('DEL', set.key)
    for first = 1, #list, 1000 do
      redis.call('ZADD', set.key, unpack(list, first, math.min(#list, first + 999)))
    end
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
          if set.grown then unpack_if_sparse(set) end
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
    local top = top_level(tonumber((split(members[#members]:sub(2)))))
    local blocks = {}
    for i = 1, #members do
      local chunk = split(members[i]:sub(2))
      if not chunks[chunk] then
        chunks[chunk], number = true, number + 1
        local block = tonumber(chunk)
        for level = 1, top do
          block = math.floor(block / FAN)
          local name = level .. '/' .. text_of(block)
          if blocks[name] then break end
          blocks[name], number = true, number + 1
        end
      end
    end
    local per_count = top > DEEP and PER_DEEP_COUNT or PER_CHUNK
    if per_count * number > card then return end
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
