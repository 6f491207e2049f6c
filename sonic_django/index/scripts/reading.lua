-- Reading all objects that satisfy a filter, a bounded number of entries in a run.
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: the table Reading, of functions that scripts share
-- cost     stated with the functions
--
-- requires: members packed ordered tree

local Reading
do
  local satisfies, satisfies_all = Tree.satisfies, Tree.satisfies_all

  -- The cost of a test of one object, in look-ups.
  local function cost_of(node)
    if node.op == 'p' then return 1 end
    if node.op == 'a' or node.op == 'i' then return 0 end
    if node.op == 'd' then return 2 end
    if node.op == '!' then return cost_of(node.child) end
    local sum = 0
    for i = 1, #node do sum = sum + cost_of(node[i]) end
    -- On average half of the alternatives are tested until one is satisfied.
    return node.op == '&' and sum or math.ceil(sum / 2)
  end

  local function cost_of_all(nodes)
    local sum = 0
    for i = 1, #nodes do sum = sum + cost_of(nodes[i]) end
    return sum
  end

  -- The tests of a conjunction that remain when a driver, one of its children, is read. Ranges of ids
  -- have already narrowed the drivers that are in id order.
  local function tests_beside(node, driver)
    local tests = {}
    if node == driver then return tests end
    for i = 1, #node do
      local child = node[i]
      if child ~= driver and not (child.is_id_range and driver.one) then tests[#tests + 1] = child end
    end
    return tests
  end

  -- Reading all, a run at a time --------------------------------------------------------------------------

  -- The sources of a node: sets, or given ids, each with the tests that its objects must pass. Of a
  -- conjunction the smallest child is read. With a "|" two sources may give the same object: then the
  -- second result is true.
  local function sources_of(node)
    local sources, overlap = {}, false
    local function add_source(part, tests)
      local op = part.op
      if op == '&' then
        local all = tests_beside(part, part[1])
        for i = 1, #tests do all[#all + 1] = tests[i] end
        add_source(part[1], all)
      elseif op == '+' or op == '|' then
        overlap = overlap or op == '|'
        for i = 1, #part do add_source(part[i], tests) end
      elseif op == 'a' or op == '!' or op == 'd' then
        local all = { unpack(tests) }
        if op ~= 'a' then all[#all + 1] = part end
        sources[#sources + 1] = { set = scope, tests = all }
      elseif op == 'i' then
        sources[#sources + 1] = { ids = part.ids, tests = tests }
      else
        sources[#sources + 1] = { set = part, tests = tests }
      end
    end
    add_source(node, {})
    return sources, overlap
  end

  local BLOCK = 256

  -- The work of reading an entry by its rank. In a packed set with ids that are far apart each of those
  -- takes a read of counts on every level; they may be a small part of a large set.
  local function weight_of(set)
    if set.kind ~= 'id' then return 1 end
    local packed = open_packed(set.key)
    if packed and packed.weight == nil then
      local share = top_level(packed.top) > DEEP and redis.call('HLEN', set.key) / packed.n or 0
      packed.weight = math.min(100, math.max(1, 200 * share))
    end
    return packed and packed.weight or 1
  end

  -- Whether every entry of the set satisfies the leaf, and members are plain ids.
  local function is_membership(node)
    return node.op == 'p' and node.kind == 'id' and not node.low and not node.high
  end

  -- For each of some plain members, whether it is in a set of plain ids. Neighbours often share a chunk,
  -- which is then looked up once.
  local function memberships(set, members)
    local packed = open_packed(set.key)
    if not packed then return redis.call('ZMSCORE', set.key, unpack(members)) end
    local there, asked = {}, {}
    local chunk, text, call
    for i = 1, #members do
      local member = members[i]
      local current = #member > DIGITS + 1 and member:sub(2, -DIGITS - 1) or '0'
      if current ~= chunk then
        chunk, text, call = current, nil, nil
        local kind = kind_of(packed, chunk)
        if kind == 'bits' then
          text = bits_of(packed, chunk)
        elseif kind == 'set' then
          call = asked[chunk] or { positions = {} }
          asked[chunk] = call
        end
      end
      if text then
        local offset = tonumber(current == '0' and member:sub(2) or member:sub(-DIGITS))
        local bit = offset % 8
        there[i] = math.floor(text:byte((offset - bit) / 8 + 1) / BIT[bit + 1]) % 2 == 1
      elseif call then
        local offset = current == '0' and member:sub(2) or member:sub(-DIGITS)
        call[#call + 1], call.positions[#call.positions + 1] = SPAN + offset, i
      end
    end
    for name, numbers in pairs(asked) do
      local found = redis.call('SMISMEMBER', packed.key .. '#' .. name, unpack(numbers))
      for i = 1, #numbers do there[numbers.positions[i]] = found[i] == 1 end
    end
    return there
  end

  -- Those of the plain members that satisfy the node: memberships are looked up together (0.2 us each
  -- instead of 0.9).
  local function satisfied(node, members)
    local found = {}
    if is_membership(node) then
      touched, spared = touched + #members, spared + math.floor(0.7 * #members)
      local there = memberships(node, members)
      for i = 1, #members do
        if there[i] then found[#found + 1] = members[i] end
      end
    elseif node.op == '&' then
      found = members
      for i = 1, #node do
        if #found > 0 then found = satisfied(node[i], found) end
      end
    elseif node.op == '!' or node.op == '|' or node.op == '+' then
      local satisfying, rest = {}, members
      local children = node.op == '!' and { node.child } or node
      for i = 1, #children do
        if #rest == 0 then break end
        for _, member in ipairs(satisfied(children[i], rest)) do satisfying[member] = true end
        local left = {}
        for _, member in ipairs(rest) do
          if not satisfying[member] then left[#left + 1] = member end
        end
        rest = left
      end
      if node.op == '!' then return rest end
      for _, member in ipairs(members) do
        if satisfying[member] then found[#found + 1] = member end
      end
    else
      for i = 1, #members do
        if satisfies(node, members[i]:sub(2)) then found[#found + 1] = members[i] end
      end
    end
    return found
  end

  -- The rank after an entry that a former run has read, even if the entry has been removed since.
  local function rank_after(set, score, member)
    return math.max(set.first, rank(set, score, member .. '\0'))
  end

  -- The plain members of the block that pass the tests.
  local function passing(tests, members)
    for i = 1, #tests do
      if #members == 0 then break end
      members = satisfied(tests[i], members)
    end
    return members
  end

  local function plain_members(set, members)
    if set.kind == 'id' then return members end
    local plain = {}
    for i = 1, #members do plain[i] = bare(set, members[i]) end
    return plain
  end

  -- Visit the objects of a set after a point, as lists of plain members. Returns nil at its end, or the
  -- point after which the next run continues.
  local function read_set(set, tests, point_after, most, visit)
    local position = set.first
    if point_after then position = rank_after(set, point_after[1], point_after[2]) end
    local weight = weight_of(set)
    local block = math.max(1, math.min(BLOCK / weight, math.floor(most / (weight + cost_of_all(tests)))))
    block = math.floor(block)
    while position < set.last do
      local members = by_rank(set, position, math.min(position + block, set.last))
      touched = touched + weight * #members
      visit(passing(tests, plain_members(set, members)))
      position = position + #members
      if touched - spared >= most and position < set.last then
        local member = members[#members]
        return { set.kind == 'id' and member:sub(2) or redis.call('ZSCORE', set.key, member), member }
      end
    end
  end

  local function read_ids(ids, tests, number_after, most, visit)
    local found = {}
    for j = (number_after or 0) + 1, #ids do
      touched = touched + 1
      local member = member_of(ids[j])
      -- Unlike the members of a set, a given id may belong to no object.
      if score_in(scope.key, member) and satisfies_all(tests, ids[j]) then
        found[#found + 1] = member
      end
      if touched - spared >= most then
        visit(found)
        return j
      end
    end
    visit(found)
  end

  -- Visit the objects of the sources, each once in this run, in any order, until ``most`` entries are
  -- touched. Returns nil at the end, else the point from which the next run continues. It names an
  -- entry, not a rank, so writes between the runs do not move it. O(entries * tests).
  local function read_sources(sources, overlap, from, most, visit)
    local seen = {}
    local function once(members)
      local new = {}
      for i = 1, #members do
        if not seen[members[i]] then
          seen[members[i]] = true
          new[#new + 1] = members[i]
        end
      end
      visit(new)
    end
    for i = from and from[1] or 1, #sources do
      local source = sources[i]
      local after = from and i == from[1] and from[2] or nil
      local stopped
      if source.ids then
        stopped = read_ids(source.ids, source.tests, after, most, overlap and once or visit)
      else
        stopped = read_set(source.set, source.tests, after, most, overlap and once or visit)
      end
      if stopped then return { i, stopped } end
    end
  end

  Reading = {
    cost_of_all = cost_of_all, tests_beside = tests_beside, sources_of = sources_of,
    BLOCK = BLOCK, weight_of = weight_of, is_membership = is_membership, rank_after = rank_after, passing = passing,
    plain_members = plain_members, read_sources = read_sources
  }
end
