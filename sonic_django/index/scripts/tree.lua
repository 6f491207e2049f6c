-- Query trees: filters read from ARGV, and tested for one object.
--
-- In ARGV a filter stands in prefix notation:
--   "&" n, "|" n, "+" n (no object satisfies two), "!", "a" (all), "i" and ids joined by commas
--   "d" name, longitude, latitude, metres (within this distance of the point, by the geo set of this name)
--   "p" name, kind, low score, low member, high score, high member ("" score: open)
--
-- Every node has ``size``, a bound on the number of its objects, and ``share``, an estimate of the
-- share of all objects that satisfy it. A leaf ("p") also has the ranks [first, last) of its entries.
--
-- KEYS     those of the script
-- ARGV     a filter, where ``at`` points to
-- returns  a part: the table Tree, of functions that scripts share
-- cost     stated with the functions
--
-- requires: members packed ordered record arguments

local leaves = {} -- those of the filter, in the order of ARGV
local scope, total -- the set of all objects of the scope, and their number
local touched = 0 -- entries read, the measure of the work done
local spared = 0 -- entries read in blocks, at less than a third of the cost of one

local Tree
do
  local read_record = Record.read_record
  local take = Arguments.take

  local RECORD = 5 -- the cost of a record, in entries
  local ascending_by_size = function(a, b) return a.size < b.size end

  local function open_universe(name)
    scope = { op = 'p', key = base .. ':' .. name, kind = 'id', name = name, one = '' }
    total = size(scope)
    scope.card, scope.first, scope.last, scope.size = total, 0, total, total
    scope.is_id_range = true
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
    -- The texts as given: Lua writes a number with 14 digits, fewer than a double has.
    leaf.low_text, leaf.high_text = low_score, high_score
    leaf.is_id_range = leaf.key == scope.key
    -- If all entries have one value, they are in the order of their ids after this prefix.
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
    leaves[#leaves + 1] = leaf
    return leaf
  end

  -- Narrow a leaf whose entries are in the order of their ids to a range of ids.
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
  local function position_of(set, id)
    touched = touched + 1
    local member = member_of(id)
    if set.kind ~= 'text' then
      local score
      if set.kind == 'id' then
        score = score_in(set.key, member)
      else
        score = redis.call('ZSCORE', set.key, member)
      end
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

  local function contains(leaf, id)
    -- The id is from the index, so it is in the set of all objects.
    if leaf.is_id_range then return within(leaf, tonumber(id), member_of(id)) end
    if leaf.one and leaf.one ~= '' then
      touched = touched + 1
      return redis.call('ZSCORE', leaf.key, leaf.one .. member_of(id)) ~= false
    end
    local score, member = position_of(leaf, id)
    return score ~= nil and within(leaf, score, member)
  end

  -- The middle of a cell of Redis' map, and the distance by the haversine formula, as in geohash.py.
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
    if op == 'p' then return contains(node, id) end
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

  Tree = {
    open_universe = open_universe, take_leaf = take_leaf, take_node = take_node,
    record_of = record_of, position_of = position_of, within = within, satisfies = satisfies,
    satisfies_all = satisfies_all
  }
end
