-- Counting by bitmaps: if a filter only combines whole sets of plain ids, the script returns the sets
-- themselves, chunk by chunk (see packed.lua). The client combines bitmaps a hundred times as fast as
-- a script combines entries, and blocks no other client; a chunk has 1,250 bytes at most.
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: the table Bitmaps, of functions that scripts share
-- cost     stated with the functions
--
-- requires: packed ranks tree reading paging

local Bitmaps
do
  local is_membership = Reading.is_membership

  local CHUNKS_PER_RUN = 240 -- of all sets together: some 300 kB
  local WORTHWHILE = 600 -- entries; fewer are looked up one by one

  -- The numbers of the chunks of a set in order. For a sorted set, ``leaf.chunks`` gets their ids.
  local function chunks_of(leaf)
    local set, found = open_packed(leaf.key), {}
    if set then
      local function collect(level, above)
        local sums = counts_of(set, level, above)
        for i = 1, #sums - 1 do
          if sums[i + 1] > sums[i] then
            local block = above * FAN + i - 1
            if level > 0 then
              collect(level - 1, block)
            else
              found[#found + 1] = block
            end
          end
        end
      end
      collect(top_level(set.top), 0)
      return found
    end
    leaf.chunks = {}
    for _, member in ipairs(redis.call('ZRANGE', leaf.key, 0, -1)) do
      local chunk, offset = split(member:sub(2))
      if not leaf.chunks[chunk] then
        leaf.chunks[chunk] = {}
        found[#found + 1] = tonumber(chunk)
      end
      table.insert(leaf.chunks[chunk], tostring(SPAN + offset))
    end
    return found
  end

  -- The content of one chunk of a set: a bitmap, a list of numbers, or "".
  local function content_of(leaf, chunk)
    local set = open_packed(leaf.key)
    if not set then
      if not leaf.chunks then chunks_of(leaf) end
      return leaf.chunks[chunk] or ''
    end
    local kind = kind_of(set, chunk)
    if kind == 'bits' then return bits_of(set, chunk) end
    return kind == 'set' and redis.call('SMEMBERS', set.key .. '#' .. chunk) or ''
  end

  -- Whether the node needs the set of all objects.
  local function is_open(node)
    if node.op == 'a' or node.op == '!' then return true end
    for i = 1, #node do
      if is_open(node[i]) then return true end
    end
    return false
  end

  -- Whether the node only combines whole sets of plain ids, none of them large and yet not packed.
  local function is_combination(node)
    if node.op == 'p' then
      return is_membership(node) and (node.card <= PACKED_FROM or open_packed(node.key) ~= false)
    end
    if node.op == 'a' then return is_combination(scope) end
    if node.op == '!' then return is_combination(scope) and is_combination(node.child) end
    if node.op == 'i' or node.op == 'd' then return false end
    for i = 1, #node do
      if not is_combination(node[i]) then return false end
    end
    return true
  end

  -- The chunks in which objects can satisfy a node, in order.
  local function chunks_for(node)
    if node.op == 'p' then return chunks_of(node) end
    if node.op == 'a' or node.op == '!' then return chunks_of(scope) end
    local best, union, seen = nil, {}, {}
    for i = 1, #node do
      local chunks = chunks_for(node[i])
      if not best or #chunks < #best then best = chunks end
      if node.op ~= '&' then
        for _, chunk in ipairs(chunks) do
          if not seen[chunk] then
            seen[chunk] = true
            union[#union + 1] = chunk
          end
        end
      end
    end
    if node.op == '&' then return best end
    table.sort(union)
    return union
  end

  -- For each of the sets its chunks: each a bitmap, or numbers (1 and the offset), or "" for none.
  -- Then the chunk after which the next run continues.
  local function chunks(node, sets, after)
    local result = {}
    for i = 1, #sets do result[i] = {} end
    for _, chunk in ipairs(chunks_for(node)) do
      if not after or chunk > after then
        if touched + #sets > CHUNKS_PER_RUN and touched > 0 then return result, after end
        local name = text_of(chunk)
        for i = 1, #sets do result[i][#result[i] + 1] = content_of(sets[i], name) end
        touched, after = touched + #sets, chunk
      end
    end
    return result
  end

  -- Walking by bitmaps -----------------------------------------------------------------------------------

  -- Whether the tests of the driver's objects, in the order of their ids, are look-ups in packed sets.
  local function is_walked_by_chunks(driver, tests)
    if #tests == 0 or not is_membership(driver) or driver.size < driver.card then return false end
    if not open_packed(driver.key) then return false end
    for i = 1, #tests do
      if not is_membership(tests[i]) or not open_packed(tests[i].key) then return false end
    end
    return true
  end

  local floor, byte_of = math.floor, string.byte -- locals are quicker, in the innermost loop

  -- Visit the offsets that are in a chunk of all sets, in either direction, until visit() returns true.
  local function each_common(sets, chunk, descending, visit)
    local small, texts = {}, {}
    for i = 1, #sets do
      local kind = kind_of(sets[i], chunk)
      if kind == 'none' then return end
      if kind == 'set' then
        small[#small + 1] = sets[i].key .. '#' .. chunk
      else
        texts[#texts + 1] = bits_of(sets[i], chunk)
      end
    end
    if #small > 0 then
      local numbers = in_order(redis.call('SINTER', unpack(small)))
      touched = touched + #numbers
      for i = 1, #numbers do
        local offset = numbers[descending and #numbers + 1 - i or i] - SPAN
        local bit = offset % 8
        local at, worth, in_all = (offset - bit) / 8 + 1, BIT[bit + 1], true
        for j = 1, #texts do in_all = in_all and floor(byte_of(texts[j], at) / worth) % 2 == 1 end
        if in_all and visit(offset) then return end
      end
      return
    end
    local first, last, step = 1, BYTES, 1
    if descending then first, last, step = BYTES, 1, -1 end
    for at = first, last, step do
      local byte = texts[1]:byte(at)
      for j = 2, #texts do
        if byte > 0 then byte = bit.band(byte, texts[j]:byte(at)) end
      end
      if byte > 0 then
        for i = descending and 8 or 1, descending and 1 or 8, step do
          if math.floor(byte / BIT[i]) % 2 == 1 and visit(at * 8 - 9 + i) then return end
        end
      end
    end
    touched = touched + math.ceil(BYTES / 10) -- ten bytes take as long as an entry
  end

  -- A page of the objects that are in all of the sets, by id; the results are those of walk(). A run
  -- ends with a chunk, and the next continues after the chunk's last id (its first, if descending).
  local function walk_chunks(driver, tests, downwards, after, skip, left)
    local sets, page, point = { open_packed(driver.key) }, {}, nil
    for i = 1, #tests do sets[i + 1] = open_packed(tests[i].key) end
    local chunks = chunks_of(driver)
    for i = 1, #chunks do
      local number = chunks[downwards and #chunks + 1 - i or i]
      if not after or (downwards and number < after) or (not downwards and number > after) then
        local chunk = text_of(number)
        touched = touched + 1
        each_common(sets, chunk, downwards, function(offset)
          if skip > 0 then
            skip = skip - 1
          else
            local digits = ('%0' .. DIGITS .. 'd'):format(offset)
            page[#page + 1] = chunk == '0' and ('%d'):format(offset) or chunk .. digits
            left = left - 1
          end
          return left <= 0
        end)
        if left <= 0 then break end
        if touched >= budget and i < #chunks then
          point = { number, skip, left == math.huge and -1 or left }
          break
        end
      end
    end
    return page, point
  end

  Bitmaps = {
    WORTHWHILE = WORTHWHILE, is_open = is_open, is_combination = is_combination, chunks = chunks,
    is_walked_by_chunks = is_walked_by_chunks, walk_chunks = walk_chunks
  }
end
