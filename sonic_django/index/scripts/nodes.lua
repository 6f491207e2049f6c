-- Filters: read from ARGV into nodes, tested for one object, enumerated.
--
-- In ARGV a filter stands in prefix notation:
--   "&" n, "|" n, "+" n (no object satisfies two), "!", "a" (all), "i" and ids joined by commas
--   "d" name, longitude, latitude, metres (within so far of there, by the geo set of this name)
--   "p" name, kind, low score, low member, high score, high member ("" score: open)
--
-- Every node knows ``size``, a bound on its objects, and ``share``, an estimate of the part of all
-- objects that satisfy it. A leaf ("p") also knows the ranks [first, last) of its entries.

local universe, total -- the set of all objects asked for, and how many they are
local touched = 0 -- entries looked at, which says how much work was done
local RECORD = 5 -- what reading a record costs, in entries
local spared = 0 -- entries looked at by the block, for less than a third of the cost of one
local at -- the next argument
local ascending_by_size = function(a, b) return a.size < b.size end

local function take()
  at = at + 1
  return ARGV[at - 1]
end

local function open_universe(name)
  universe = { op = 'p', key = base .. ':' .. name, kind = 'id', name = name, one = '' }
  total = size(universe)
  universe.card, universe.first, universe.last, universe.size = total, 0, total, total
  universe.is_id_range = true
end

local function resize(leaf)
  leaf.size = math.max(0, leaf.last - leaf.first)
  leaf.share = total > 0 and math.min(1, leaf.size / total) or 0
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
  -- As they came: Lua writes a number with 14 digits, less than a double holds.
  leaf.low_text, leaf.high_text = low_score, high_score
  leaf.is_id_range = leaf.key == universe.key
  -- Where all entries have one value, they stand in the order of their ids behind this prefix.
  if kind == 'id' then
    leaf.one = ''
  elseif kind == 'text' then
    if leaf.low and leaf.high == leaf.low .. '\255' and leaf.low:byte(-1) == 0 then
      leaf.one = leaf.low
    end
  elseif leaf.low_score and leaf.low_score == leaf.high_score then
    if leaf.low == '.' and leaf.high == '~' then
      leaf.one = ''
    elseif leaf.low ~= '' and leaf.high == leaf.low .. '\255' then
      leaf.one = leaf.low
    end
  end
  resize(leaf)
  return leaf
end

-- Leave out of a leaf whose entries stand in the order of their ids those outside a range of ids.
local function narrow(leaf, range)
  local function cut(score, member)
    if leaf.kind ~= 'id' then score = leaf.low_text end
    return rank(leaf, score, leaf.one .. member)
  end
  if range.low then leaf.first = math.max(leaf.first, cut(range.low_text, range.low)) end
  if range.high then leaf.last = math.min(leaf.last, cut(range.high_text, range.high)) end
  resize(leaf)
end

local take_node

local function take_conjunction(node)
  local ranges = {}
  node.share = 1
  for i = 1, tonumber(take()) do
    node[i] = take_node()
    if node[i].is_id_range then ranges[#ranges + 1] = node[i] end
  end
  for i = 1, #node do
    if node[i].one then
      for _, range in ipairs(ranges) do narrow(node[i], range) end
    end
    node.share = node.share * node[i].share
  end
  table.sort(node, ascending_by_size) -- the strictest is tested first
  node.size = node[1].size
end

local function take_ids(node)
  node.ids, node.set = {}, {}
  for id in take():gmatch('[^,]+') do
    node.ids[#node.ids + 1] = id
    node.set[id] = true
  end
  node.size = #node.ids
  node.share = total > 0 and math.min(1, node.size / total) or 0
end

function take_node()
  local op = take()
  if op == 'p' then return take_leaf() end
  local node = { op = op }
  if op == 'a' then
    node.size, node.share = total, 1
  elseif op == 'i' then
    take_ids(node)
  elseif op == 'd' then
    node.key = base .. ':' .. take()
    node.longitude, node.latitude = tonumber(take()), tonumber(take())
    node.metres = tonumber(take())
    node.size, node.share = total, 1
  elseif op == '!' then
    node.child = take_node()
    node.size, node.share = total, 1 - node.child.share
  elseif op == '&' then
    take_conjunction(node)
  else
    node.size, node.share = 0, 1
    for i = 1, tonumber(take()) do
      node[i] = take_node()
      node.size = node.size + node[i].size
      node.share = node.share * (1 - node[i].share)
    end
    if op == '|' then
      node.share = 1 - node.share
    else
      node.share = total > 0 and node.size / total or 0
    end
    node.size = math.min(node.size, total)
  end
  return node
end

-- Testing one object -------------------------------------------------------------------------------

local remembered_id, remembered
local function record_of(id)
  if remembered_id ~= id then
    touched = touched + RECORD
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

-- Score, member and the score as Redis writes it, of the id in the set; or nil. O(1), and O(entries
-- of the object) with prefixes.
local function place(set, id)
  touched = touched + 1
  local member = member_of(id)
  if set.kind ~= 'text' then
    local score = redis.call('ZSCORE', set.key, member)
    if score then return tonumber(score), member, score end
    if not has_prefixes(set) then return nil end
  end
  local prefix = recorded_prefix(id, set.name)
  if not prefix then return nil end
  member = prefix .. member
  local score = redis.call('ZSCORE', set.key, member)
  if score then return tonumber(score), member, score end
end

local function before(score, member, bound_score, bound)
  if score ~= bound_score then return score < bound_score end
  return less(member, bound)
end

local function within(leaf, score, member)
  if leaf.low and before(score, member, leaf.low_score, leaf.low) then return false end
  return not leaf.high or before(score, member, leaf.high_score, leaf.high)
end

local function holds(leaf, id)
  -- Whoever asks has the id from the index, so it is in the set of all objects.
  if leaf.is_id_range then return within(leaf, tonumber(id), member_of(id)) end
  if leaf.one and leaf.one ~= '' then
    touched = touched + 1
    return redis.call('ZSCORE', leaf.key, leaf.one .. member_of(id)) ~= false
  end
  local score, member = place(leaf, id)
  return score ~= nil and within(leaf, score, member)
end

-- The middle of a cell of Redis' map, and the distance by the haversine, as in geohash.py.
local function middle(cell, last)
  local low = -last + cell / 67108864 * (2 * last)
  local high = -last + (cell + 1) / 67108864 * (2 * last)
  return math.min(math.max((low + high) / 2, -last), last)
end

local function is_within(node, id)
  touched = touched + 2
  local score = redis.call('ZSCORE', node.key, member_of(id))
  if not score then return false end
  local number, across, up, weight = tonumber(score), 0, 0, 1
  for _ = 1, 27 do -- a bit up, a bit across
    local rest = number % 4
    up, across = up + weight * (rest % 2), across + weight * math.floor(rest / 2)
    number, weight = math.floor(number / 4), weight * 2
  end
  local first, second = math.rad(node.latitude), math.rad(middle(up, 85.05112878))
  local v = math.sin((math.rad(middle(across, 180)) - math.rad(node.longitude)) / 2)
  local u = math.sin((second - first) / 2)
  local root = math.sqrt(u * u + math.cos(first) * math.cos(second) * v * v)
  return 2 * 6372797.560856 * math.asin(math.min(1, root)) <= node.metres
end

local function satisfies(node, id)
  local op = node.op
  if op == 'p' then return holds(node, id) end
  if op == 'a' then return true end
  if op == 'i' then return node.set[id] == true end
  if op == 'd' then return is_within(node, id) end
  if op == '!' then return not satisfies(node.child, id) end
  for i = 1, #node do
    local yes = satisfies(node[i], id)
    if op == '&' and not yes then return false end
    if op ~= '&' and yes then return true end
  end
  return op == '&'
end

local function satisfies_all(nodes, id)
  for i = 1, #nodes do
    if not satisfies(nodes[i], id) then return false end
  end
  return true
end

-- What it costs to test one object, in look-ups.
local function cost_of(node)
  if node.op == 'p' then return 1 end
  if node.op == 'a' or node.op == 'i' then return 0 end
  if node.op == 'd' then return 2 end
  if node.op == '!' then return cost_of(node.child) end
  local sum = 0
  for i = 1, #node do sum = sum + cost_of(node[i]) end
  -- Of alternatives half are tested until one holds, on an average.
  return node.op == '&' and sum or math.ceil(sum / 2)
end

local function cost_of_all(nodes)
  local sum = 0
  for i = 1, #nodes do sum = sum + cost_of(nodes[i]) end
  return sum
end

-- What a driver leaves to be tested of a conjunction that it is a part of. Ranges of ids have
-- narrowed the drivers that are in id order.
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

-- Sources are what satisfies a node: sets, or ids given, each with the tests that its objects must
-- pass. The smallest part of a conjunction is read. Two sources may give an object twice where a
-- "|" is among them: then the second result is true.
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
      sources[#sources + 1] = { set = universe, tests = all }
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

-- Whether an entry of the set is all that a leaf asks for.
local function is_membership(node)
  return node.op == 'p' and node.kind == 'id' and not node.low and not node.high
end

-- Those of the plain members that satisfy the node: memberships are looked up together (0.2 us each
-- instead of 0.9).
local function satisfied(node, members)
  local found = {}
  if is_membership(node) then
    touched, spared = touched + #members, spared + math.floor(0.7 * #members)
    local scores = redis.call('ZMSCORE', node.key, unpack(members))
    for i = 1, #members do
      if scores[i] then found[#found + 1] = members[i] end
    end
  elseif node.op == '&' then
    found = members
    for i = 1, #node do
      if #found > 0 then found = satisfied(node[i], found) end
    end
  elseif node.op == '!' or node.op == '|' or node.op == '+' then
    local holds, rest = {}, members
    local children = node.op == '!' and { node.child } or node
    for i = 1, #children do
      if #rest == 0 then break end
      for _, member in ipairs(satisfied(children[i], rest)) do holds[member] = true end
      local left = {}
      for _, member in ipairs(rest) do
        if not holds[member] then left[#left + 1] = member end
      end
      rest = left
    end
    if node.op == '!' then return rest end
    for _, member in ipairs(members) do
      if holds[member] then found[#found + 1] = member end
    end
  else
    for i = 1, #members do
      if satisfies(node, members[i]:sub(2)) then found[#found + 1] = members[i] end
    end
  end
  return found
end

-- The rank behind an entry that was read in a former run, there still or not.
local function rank_behind(set, score, member)
  return math.max(set.first, rank(set, score, member .. '\0'))
end

-- Visit the objects of a set from a place on. nil at its end; when the work of this run is done,
-- the place to go on behind.
local function read_set(set, tests, place_behind, most, visit)
  local position = set.first
  if place_behind then position = rank_behind(set, place_behind[1], place_behind[2]) end
  local block = math.max(1, math.min(BLOCK, math.floor(most / (1 + cost_of_all(tests)))))
  while position < set.last do
    local members = by_rank(set, position, math.min(position + block, set.last))
    touched = touched + #members
    local found = members
    if set.kind ~= 'id' then
      found = {}
      for i = 1, #members do found[i] = bare(set, members[i]) end
    end
    for i = 1, #tests do
      if #found > 0 then found = satisfied(tests[i], found) end
    end
    for i = 1, #found do visit(found[i]:sub(2)) end
    position = position + #members
    if touched - spared >= most and position < set.last then
      local member = members[#members]
      return { set.kind == 'id' and member:sub(2) or redis.call('ZSCORE', set.key, member), member }
    end
  end
end

local function read_ids(ids, tests, number_behind, most, visit)
  for j = (number_behind or 0) + 1, #ids do
    touched = touched + 1
    -- Unlike the members of a set, a given id may belong to no object.
    if redis.call('ZSCORE', universe.key, member_of(ids[j])) and satisfies_all(tests, ids[j]) then
      visit(ids[j])
    end
    if touched - spared >= most then return j end
  end
end

-- Visit what the sources give, once in this run, in any order, until ``most`` entries are touched.
-- nil at the end, else the place to go on from, which stands for entries and not for ranks: what
-- others write meanwhile moves nothing. O(entries * tests).
local function read_sources(sources, overlap, from, most, visit)
  local seen = {}
  local function once(id)
    if seen[id] then return end
    seen[id] = true
    visit(id)
  end
  for i = from and from[1] or 1, #sources do
    local source = sources[i]
    local behind = from and i == from[1] and from[2] or nil
    local stopped
    if source.ids then
      stopped = read_ids(source.ids, source.tests, behind, most, overlap and once or visit)
    else
      stopped = read_set(source.set, source.tests, behind, most, overlap and once or visit)
    end
    if stopped then return { i, stopped } end
  end
end
