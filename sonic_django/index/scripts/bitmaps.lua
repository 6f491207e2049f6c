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

  local READS = 20 -- of counts, for one list of chunks: 3 ms at most

  -- The numbers of the next chunks of a set, in order: those after a number, or before it if
  -- ``downwards``. Where ids are far apart, the list ends early: then the second result is true.
  local function next_chunks(set, after, downwards)
    local found, reads, is_cut = {}, 0, false
    local function collect(level, above)
      reads = reads + 1
      local sums, size = counts_of(set, level, above), FAN ^ level
      for at = 1, #sums - 1 do
        local i = downwards and #sums - at or at
        local block = above * FAN + i - 1
        local passed = after and (downwards and block * size >= after or not downwards and (block + 1) * size - 1 <= after)
        if sums[i + 1] > sums[i] and not passed then
          if reads > READS and #found > 0 then
            is_cut = true
            return
          end
          if level > 0 then
            collect(level - 1, block)
          else
            found[#found + 1] = block
          end
        end
        if is_cut then return end
      end
    end
    collect(top_level(set.top), 0)
    touched = touched + 50 * (reads - 1)
    return found, is_cut
  end

  -- The same of any set of plain ids, upwards. For a sorted set, ``leaf.chunks`` gets the ids.
  local function chunks_of(leaf, after)
    local set, found = open_packed(leaf.key), {}
    if set then return next_chunks(set, after) end
    leaf.chunks = {}
    for _, member in ipairs(redis.call('ZRANGE', leaf.key, 0, -1)) do
      local chunk, offset = split(member:sub(2))
      if not leaf.chunks[chunk] then
        leaf.chunks[chunk] = {}
        found[#found + 1] = tonumber(chunk)
      end
      table.insert(leaf.chunks[chunk], tostring(SPAN + offset))
    end
    return found, false
  end

  -- A measure of the number of chunks of a set.
  local function number_of_chunks(leaf)
    return open_packed(leaf.key) and redis.call('HLEN', leaf.key) or leaf.card
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

  -- A measure of the number of chunks in which objects can satisfy a node.
  local function breadth(node)
    if node.op == 'p' then return number_of_chunks(node) end
    if node.op == 'a' or node.op == '!' then return number_of_chunks(scope) end
    local sum, least = 0, math.huge
    for i = 1, #node do
      local number = breadth(node[i])
      sum, least = sum + number, math.min(least, number)
    end
    return node.op == '&' and least or sum
  end

  -- The next chunks in which objects can satisfy a node, in order, and whether there may be more.
  local function chunks_for(node, after)
    if node.op == 'p' then return chunks_of(node, after) end
    if node.op == 'a' or node.op == '!' then return chunks_of(scope, after) end
    if node.op == '&' then
      local best
      for i = 1, #node do
        if not best or breadth(node[i]) < breadth(best) then best = node[i] end
      end
      return chunks_for(best, after)
    end
    local union, seen, bound = {}, {}, math.huge -- what is known to be complete
    for i = 1, #node do
      local chunks, is_cut = chunks_for(node[i], after)
      if is_cut then bound = math.min(bound, chunks[#chunks]) end
      for _, chunk in ipairs(chunks) do
        if not seen[chunk] then
          seen[chunk] = true
          union[#union + 1] = chunk
        end
      end
    end
    table.sort(union)
    while #union > 0 and union[#union] > bound do union[#union] = nil end
    return union, bound < math.huge
  end

  -- For each of the sets its chunks: each a bitmap, or numbers (1 and the offset), or "" for none.
  -- Then the chunk after which the next run continues.
  local function chunks(node, sets, after)
    local result = {}
    for i = 1, #sets do result[i] = {} end
    local numbers, is_cut = chunks_for(node, after)
    local taken = 0
    for _, chunk in ipairs(numbers) do
      if not after or chunk > after then
        if taken + #sets > CHUNKS_PER_RUN and taken > 0 then return result, after end
        local name = text_of(chunk)
        for i = 1, #sets do result[i][#result[i] + 1] = content_of(sets[i], name) end
        taken, after = taken + #sets, chunk
      end
    end
    touched = touched + taken
    return result, is_cut and after or nil
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
    local sets, page = { open_packed(driver.key) }, {}
    for i = 1, #tests do sets[i + 1] = open_packed(tests[i].key) end
    local is_cut = true
    while is_cut do
      local chunks
      chunks, is_cut = next_chunks(sets[1], after, downwards)
      for i = 1, #chunks do
        local number = chunks[i]
        local chunk = text_of(number)
        after = number
        touched = touched + 4 -- as long as an entry takes
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
        if left <= 0 then return page, nil end
        if touched >= budget and (i < #chunks or is_cut) then
          return page, { number, skip, left == math.huge and -1 or left }
        end
      end
    end
    return page, nil
  end

  Bitmaps = {
    WORTHWHILE = WORTHWHILE, is_open = is_open, is_combination = is_combination, chunks = chunks,
    is_walked_by_chunks = is_walked_by_chunks, walk_chunks = walk_chunks
  }
end
