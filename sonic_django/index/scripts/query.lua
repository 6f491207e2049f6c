-- Answer a query: ids in order, a count, or ids at random. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     1 what: "ids", "count", "random", "explain"
--          2 digests of the indexes used (comma separated)
--          3 offset ("random": a seed), 4 limit (-1: none)
--          5 direction "asc" or "desc", 6 direction among equal order values
--          7 the set of all objects asked for: "ids" or "del"
--          8 number of sets that make the order, one after the other; then each as a leaf
--          then the filter in prefix notation, or nothing:
--            "&" n, "|" n, "!", "a" (all), "i" n id...
--            "p" name, kind, low score, low member, high score, high member ("" score: open)
-- returns  {"built", what was asked} or {"unbuilt", digest, ...}
-- cost     stated with each strategy below; the cheapest is chosen by cardinality

local what, offset, limit = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local descending, ties_descending = ARGV[5] == 'desc', ARGV[6] == 'desc'

local missing = unbuilt(ARGV[2])
if missing then return { 'unbuilt', unpack(missing) } end

local universe = { key = base .. ':' .. ARGV[7], kind = 'id', name = ARGV[7] }
local total = size(universe)
local touched = 0
local INFINITE = math.huge

-- Reading ARGV -----------------------------------------------------------------------------------

local at = 8
local function take()
  at = at + 1
  return ARGV[at - 1]
end

local function take_leaf()
  local name, kind = take(), take()
  local leaf = { op = 'p', name = name, kind = kind, key = base .. ':' .. name }
  local low_score, low, high_score, high = take(), take(), take(), take()
  leaf.card = size(leaf)
  leaf.first, leaf.last = 0, leaf.card
  if low_score ~= '' then
    leaf.low_score, leaf.low = tonumber(low_score), low
    leaf.first = rank(leaf, low_score, low)
  end
  if high_score ~= '' then
    leaf.high_score, leaf.high = tonumber(high_score), high
    leaf.last = rank(leaf, high_score, high)
  end
  -- Exactly one string: its members are known, so a test is one look-up.
  if kind == 'text' and leaf.low and leaf.high == leaf.low .. '\255' and leaf.low:byte(-1) == 0 then
    leaf.prefix = leaf.low
  end
  -- All entries have one value, so they stand in the order of their ids.
  leaf.by_id = kind == 'id' or leaf.prefix
    or (leaf.low == '.' and leaf.high == '~' and leaf.low_score == leaf.high_score)
  leaf.size = math.max(0, leaf.last - leaf.first)
  leaf.share = total > 0 and math.min(1, leaf.size / total) or 0
  return leaf
end

local function take_node()
  local op = take()
  if op == 'p' then return take_leaf() end
  local node = { op = op }
  if op == 'a' then
    node.size, node.share = total, 1
  elseif op == 'i' then
    node.ids, node.set = {}, {}
    for _ = 1, tonumber(take()) do
      local id = take()
      if not node.set[id] then
        node.set[id] = true
        node.ids[#node.ids + 1] = id
      end
    end
    node.size = #node.ids
    node.share = total > 0 and math.min(1, node.size / total) or 0
  elseif op == '!' then
    node.child = take_node()
    node.size, node.share = total, 1 - node.child.share
  else
    node.size, node.share = op == '&' and INFINITE or 0, 1
    for i = 1, tonumber(take()) do
      local child = take_node()
      node[i] = child
      if op == '&' then
        node.size = math.min(node.size, child.size)
        node.share = node.share * child.share
      else
        node.size = node.size + child.size
        node.share = node.share * (1 - child.share)
      end
    end
    if op == '|' then node.share = 1 - node.share end
  end
  return node
end

local order = {}
for i = 1, tonumber(take()) do
  take()
  order[i] = take_leaf()
end
local filter = at <= #ARGV and take_node() or nil

-- Testing one object -----------------------------------------------------------------------------

local remembered_id, remembered
local function record_of(id)
  if remembered_id ~= id then
    remembered_id, remembered = id, read_record(id) or {}
  end
  return remembered
end

local function recorded_prefix(id, name)
  local record = record_of(id)
  for i = 3, #record, 2 do
    if record[i] == name then return record[i + 1] end
  end
end

local prefixed = {}
local function has_prefixes(set)
  if set.kind == 'text' then return true end
  if set.kind == 'id' then return false end
  local digest = set.name:sub(1, 8)
  if prefixed[digest] == nil then
    prefixed[digest] = redis.call('HEXISTS', base .. ':state', 'prefixed:' .. digest) == 1
  end
  return prefixed[digest]
end

-- Score and member of the id in the set, or nil. O(1), and O(entries of the object) with prefixes.
local function place(set, id)
  touched = touched + 1
  local member = member_of(id)
  if set.kind ~= 'text' then
    local score = redis.call('ZSCORE', set.key, member)
    if score then return tonumber(score), member end
    if not has_prefixes(set) then return nil end
  end
  local prefix = recorded_prefix(id, set.name)
  if not prefix then return nil end
  member = prefix .. member
  local score = redis.call('ZSCORE', set.key, member)
  if score then return tonumber(score), member end
end

local function before(score, member, bound_score, bound)
  if score ~= bound_score then return score < bound_score end
  return less(member, bound)
end

local function holds(leaf, id)
  if leaf.prefix then
    touched = touched + 1
    return redis.call('ZSCORE', leaf.key, leaf.prefix .. member_of(id)) ~= false
  end
  local score, member = place(leaf, id)
  if not score then return false end
  if leaf.low and before(score, member, leaf.low_score, leaf.low) then return false end
  if leaf.high and not before(score, member, leaf.high_score, leaf.high) then return false end
  return true
end

local function satisfies(node, id)
  local op = node.op
  if op == 'p' then return holds(node, id) end
  if op == 'a' then return true end
  if op == 'i' then return node.set[id] == true end
  if op == '!' then return not satisfies(node.child, id) end
  for i = 1, #node do
    local yes = satisfies(node[i], id)
    if op == '&' and not yes then return false end
    if op == '|' and yes then return true end
  end
  return op == '&'
end

-- Enumerating candidates ---------------------------------------------------------------------------

local BLOCK = 256

-- The ranks [low, high) of the entries that share the value of the entry at this rank.
local function equals(set, at_rank)
  local pair = redis.call('ZRANGE', set.key, at_rank, at_rank, 'WITHSCORES')
  local prefix = pair[1]:sub(1, #pair[1] - #bare(set, pair[1]))
  local low, high = prefix, prefix .. '\255'
  if prefix == '' then low, high = '.', '~' end
  return rank(set, pair[2], low), rank(set, pair[2], high)
end

-- Call visit(id) for the leaf's entries in the order asked for, from the skip-th; stop when it
-- returns true. Where equal values run against the direction, each group of equals is read
-- backwards. O(log n + visited), with O(log n) more a group in the latter case.
local function each_in_order(set, skip, visit)
  local down, mirrored = descending, descending ~= ties_descending
  if set.kind == 'id' then down, mirrored = ties_descending, false end
  local position, block = skip, limit < 0 and BLOCK or math.min(BLOCK, limit)
  while position < set.size do
    local stop = math.min(position + block, set.size)
    block = math.min(BLOCK, 2 * block)
    local low, high -- ascending ranks
    if down then
      low, high = set.last - stop, set.last - position
    else
      low, high = set.first + position, set.first + stop
    end
    local backwards = down
    if mirrored then
      -- Mirror the ranks within the group of equals in which this step begins.
      local group_low, group_high = equals(set, down and high - 1 or low)
      group_low, group_high = math.max(group_low, set.first), math.min(group_high, set.last)
      local done = down and group_high - high or low - group_low
      local count = math.min(group_high - group_low - done, BLOCK)
      if down then
        low = group_low + done
      else
        low = group_high - done - count
      end
      high, stop, backwards = low + count, position + count, not down
    end
    for _, member in ipairs(by_rank(set, low, high, backwards)) do
      touched = touched + 1
      if visit(id_of(set, member)) then return true end
    end
    position = stop
  end
end

-- Call visit(id) once for a superset of the node's objects, in any order.
local function each_candidate(node, visit)
  local op = node.op
  if op == 'p' then
    for low = node.first, node.last - 1, BLOCK do
      for _, member in ipairs(by_rank(node, low, math.min(low + BLOCK, node.last))) do
        touched = touched + 1
        visit(id_of(node, member))
      end
    end
  elseif op == 'i' then
    for _, id in ipairs(node.ids) do
      -- Unlike the members of a set, a given id may belong to no object.
      if redis.call('ZSCORE', universe.key, member_of(id)) then visit(id) end
    end
  elseif op == '&' and #node > 0 then
    local best = node[1]
    for i = 2, #node do
      if node[i].size < best.size then best = node[i] end
    end
    each_candidate(best, visit)
  elseif op == '|' then
    local seen = {}
    for i = 1, #node do
      each_candidate(node[i], function(id)
        if not seen[id] then
          seen[id] = true
          visit(id)
        end
      end)
    end
  else
    for low = 0, total - 1, BLOCK do
      for _, member in ipairs(by_rank(universe, low, low + BLOCK)) do
        touched = touched + 1
        visit(member:sub(2))
      end
    end
  end
end

local function matches()
  local found = {}
  each_candidate(filter, function(id)
    if satisfies(filter, id) then found[#found + 1] = id end
  end)
  return found
end

-- Strategies -----------------------------------------------------------------------------------------

-- The order's sets hold just what is asked for: page by rank. O(log n + page).
local function page_by_rank(sets)
  local page, skip, left = {}, offset, limit < 0 and INFINITE or limit
  for _, set in ipairs(sets) do
    if left <= 0 then break end
    each_in_order(set, skip, function(id)
      page[#page + 1] = id
      left = left - 1
      return left <= 0
    end)
    skip = math.max(0, skip - set.size)
  end
  return page
end

-- Walk the order and test each object until the page is full. O((offset + page) / share).
local function walk(sets)
  local page, skip, left = {}, offset, limit < 0 and INFINITE or limit
  for _, set in ipairs(sets) do
    if left <= 0 then break end
    each_in_order(set, 0, function(id)
      if satisfies(filter, id) then
        if skip > 0 then
          skip = skip - 1
        else
          page[#page + 1] = id
          left = left - 1
        end
      end
      return left <= 0
    end)
  end
  return page
end

-- Gather all matches from the smallest set, then sort. O(m log m) for m candidates.
local function gather()
  local rows = {}
  for i, id in ipairs(matches()) do
    local row = { id = id, number = tonumber(id), segment = #order + 1 }
    for segment, set in ipairs(order) do
      local score, member = place(set, id)
      if score then
        row.segment = segment
        if set.kind ~= 'id' then
          row.score = score
          row.prefix = member:sub(1, #member - #bare(set, member))
        end
        break
      end
    end
    if row.segment <= #order then rows[#rows + 1] = row end
  end
  local function weigh(prefix) -- no prefix stands between "-..." and "~..."
    return prefix == '' and '.' or prefix
  end
  table.sort(rows, function(a, b)
    if a.segment ~= b.segment then return a.segment < b.segment end
    if a.score and a.score ~= b.score then
      if descending then return a.score > b.score end
      return a.score < b.score
    end
    if a.score and a.prefix ~= b.prefix then
      if descending then return less(weigh(b.prefix), weigh(a.prefix)) end
      return less(weigh(a.prefix), weigh(b.prefix))
    end
    if ties_descending then return a.number > b.number end
    return a.number < b.number
  end)
  local page, upto = {}, limit < 0 and #rows or math.min(#rows, offset + limit)
  for i = offset + 1, upto do page[#page + 1] = rows[i].id end
  return page
end

-- Ordered by id, the entries of one value are themselves in order, so the smallest such set of a
-- conjunction can be walked instead of all ids.
local function smallest_in_id_order()
  if not filter then return nil end
  local best
  local function consider(node)
    if node.op == 'p' and node.by_id and (not best or node.size < best.size) then best = node end
  end
  consider(filter)
  if filter.op == '&' then
    for i = 1, #filter do consider(filter[i]) end
  end
  return best
end

local function choose()
  if not filter then return 'page', page_by_rank, order end
  local sets, length = order, 0
  if #order == 1 and order[1].key == universe.key then
    local best = smallest_in_id_order()
    if best and best.size <= order[1].size then sets = { best } end
    if best and best == filter then return 'page', page_by_rank, sets end
  end
  for _, set in ipairs(sets) do length = length + set.size end
  local wanted = limit < 0 and INFINITE or offset + limit
  local visits = math.min(length, wanted * length / math.max(1, total * filter.share))
  -- A gathered object costs its test, its place in the order and its share of the sort.
  if visits <= 2 * filter.size then return 'walk', walk, sets end
  return 'gather', gather, sets
end

local function count()
  if not filter then
    local number = 0
    for _, set in ipairs(order) do number = number + set.size end
    return number
  end
  if filter.op == 'p' then return filter.size end
  return #matches()
end

if what == 'count' then return { 'built', count() } end

if what == 'random' then
  local found
  if not filter then
    local members = redis.call('ZRANDMEMBER', universe.key, limit)
    found = {}
    for i, member in ipairs(members) do found[i] = member:sub(2) end
  else
    found = matches()
    math.randomseed(offset)
    for i = 1, math.min(limit, #found) do -- Fisher-Yates, as far as needed
      local j = math.random(i, #found)
      found[i], found[j] = found[j], found[i]
    end
    while #found > limit do found[#found] = nil end
  end
  return { 'built', found }
end

local name, run, sets = choose()
local page = limit == 0 and {} or run(sets)
if what == 'explain' then
  local sizes = {}
  local function describe(node)
    if node.op == 'p' then
      sizes[#sizes + 1] = node.name
      sizes[#sizes + 1] = node.size
    elseif node.op == '!' then
      describe(node.child)
    else
      for i = 1, #node do describe(node[i]) end
    end
  end
  if filter then describe(filter) end
  return { 'built', name, touched, #page, total, sizes }
end
return { 'built', page }
