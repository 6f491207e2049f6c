-- Run a query: ids in order, a count, all ids, or ids at random. Writes nothing. One run touches a
-- bounded number of entries; if there is more to do, the next run takes its token.
--
-- KEYS[1]  the model's base key
-- ARGV     1 operation: "ids", "nearest" (rows of all, which the client sorts), "count",
--          "members" (ids in any order), "random" (of one set)
--          2 digests of the indexes used (comma separated)
--          3 offset ("random": a seed), 4 limit (-1: none)
--          5 direction "asc" or "desc", 6 direction among equal order values
--          7 the set of all objects of the scope: "ids" or "del"
--          8 entries that a run may touch, 9 token of the previous run, or ""
--          10 number of sets that make the order, one after the other; then each as a leaf; if they
--          lack some objects, those are not in the result
--          then the number of further keys of the order, and for each its number of sets, and these
--          then the filter (see tree.lua), or nothing
-- returns  {"unbuilt", digest, ...} or {"built", strategy, token ("" at the end), entries touched,
--          result, facts}; the client combines the results of the runs (see results.py)
--          page, walk   ids, comma separated, in order
--          gather       ids (in an order by id), or rows {id, then for each key of the order: number
--                       of the set, score, prefix}, in any order, perhaps twice
--          groups       rows in the order of their first key; facts: the number of rows to skip
--                       at the start
--          number       a number, to be added; members: ids, perhaps twice
--          parts        for each set of the filter its chunks, and if the filter has "!" or "a", last
--                       those of the set of all objects
--          abandon      nothing: the client drops the results of the runs before
-- cost     stated with each strategy below; the cheapest is chosen by cardinality
--
-- requires: members ordered tree reading paging bitmaps state

-- Strategies -------------------------------------------------------------------------------------------

-- O(candidates * tests), in any order.
local function gather(from)
  local result = {}
  local sources, overlap = State.gathered()
  local point = Reading.read_sources(sources, overlap, from, budget, function(members)
    if by_id and #further == 0 then
      for _, id in ipairs(State.among_order(members)) do result[#result + 1] = id end
    else
      State.add_rows(result, members)
    end
  end)
  if by_id and #further == 0 then result = table.concat(result, ',') end
  return 'gather', State.more('gather', point), result
end

-- O(chunks of 10,000 ids up to the end of the page).
local function common(from)
  local sets, tests = State.walked()
  local after, skip, left
  if from then
    after, skip, left = from[1], from[2], from[3] < 0 and math.huge or from[3]
  end
  local driver = sets[1]
  local ids, point = Bitmaps.walk_chunks(driver, tests, ties_descending, after, skip or offset, left or wanted)
  return 'walk', State.more('common', point), table.concat(ids, ',')
end

local function page(from)
  local sets, tests, length = State.walked()
  if not from and by_id and #further == 0 and filter and Bitmaps.is_walked_by_chunks(sets[1], tests) then
    return common()
  end
  local name = #tests == 0 and 'page' or 'walk'
  local patience, rate = math.huge, 1
  if name == 'walk' then
    -- A gathered object costs its tests, the look-up of its sort key and its share of the sort.
    local rest = filter.op == '&' and Reading.cost_of_all(Reading.tests_beside(filter, filter[1])) or 0
    local most = (2 + rest) * filter.size / math.max(1, Reading.cost_of_all(tests))
    rate = length / math.max(1, total * filter.share)
    local visits = math.min(length, (offset + wanted) * rate)
    if not from and visits > most then return gather() end
    patience = math.max(most, Reading.BLOCK)
  end
  local ids, given_up, point = Paging.walk(sets, tests, patience, rate, from)
  if given_up then
    if not from then return gather() end
    return 'abandon', State.more('gather', {}), {}
  end
  return name, State.more('page', point), table.concat(ids, ',')
end

-- Several keys: all groups of equal first keys that the page overlaps, as a whole.
-- O(objects of the groups before and of these), without a filter O(log n + objects of these).
local function groups(from)
  local function page_length() return wanted end
  local result, tests = {}, filter and { filter } or {}
  -- A row costs as much as a test for each of its keys.
  local cost = 2 + #further + Reading.cost_of_all(tests)
  if filter and not from and 2 * filter.size < order_size then return gather() end
  local first_set, position, group, count, left_out = 1, 0, nil, 0, 0
  if from then
    first_set, group, count, left_out = from[1], from[4], from[5], from[6]
    position = Paging.position_after(order[first_set], from[2], from[3])
  elseif not filter then
    -- Begin with the group that contains the offset.
    local skip = offset
    while first_set < #order and skip >= order[first_set].size do
      skip, first_set = skip - order[first_set].size, first_set + 1
    end
    local set = order[first_set]
    if set.size > 0 and skip < set.size then
      local at_rank = descending and set.last - 1 - skip or set.first + skip
      if set.kind ~= 'id' then
        local low, high = Paging.equals_at(set, at_rank)
        position = descending and set.last - high or low - set.first
      end
    end
    count = offset - skip + position
    left_out = count
  end
  local sent, point, full = left_out, nil, false
  for number = first_set, #order do
    local set = order[number]
    Paging.blocks_in_order(set, number == first_set and position or 0, cost, page_length, function(members)
      local found = Reading.passing(tests, Reading.plain_members(set, members))
      for i = 1, #found do
        local row = State.row_of(found[i]:sub(2))
        local key = number .. ':' .. row[3] .. ':' .. row[4]
        if key ~= group then
          if count >= offset + wanted then
            full = true
            return true
          end
          if count <= offset then left_out = count end
          group = key
        end
        count = count + 1
        State.add_row(result, row)
      end
      if touched - spared >= budget then
        local member = members[#members]
        point = { number, Paging.score_of(set, member), member, group, count, left_out }
        return true
      end
    end)
    if full or point then break end
  end
  local began = from and 0 or sent
  return 'groups', State.more('groups', point), result, { left_out, began }
end

-- The number of a filter by one set, or by some that share no object; else nil.
local function cardinality(node)
  if node.op == 'p' then return node.size end
  if node.op == '!' then
    local number = cardinality(node.child)
    return number and total - number
  end
  if node.op ~= '+' then return nil end
  local sum = 0
  for i = 1, #node do
    if node[i].op ~= 'p' then return nil end
    sum = sum + node[i].size
  end
  return sum
end

local function members(from)
  local ids = {}
  local sources, overlap = State.gathered()
  local point = Reading.read_sources(sources, overlap, from, budget, function(found)
    for _, id in ipairs(State.among_order(found)) do ids[#ids + 1] = id end
  end)
  return 'members', State.more('members', point), table.concat(ids, ',')
end

-- O(objects / 10,000).
local function combine(from)
  local sets = {}
  for i = 1, #leaves do sets[i] = leaves[i] end -- unpack() takes some thousands at most
  if Bitmaps.is_open(filter) then sets[#sets + 1] = scope end
  local result, after = Bitmaps.chunks(filter, sets, from and from[1])
  return 'parts', after and State.more('parts', { after }) or '', result
end

-- A filter by one set is counted without reading its entries: O(log n). Else O(candidates).
local function count(from)
  if not filter then return 'cardinality', '', order_size end
  local known = covers_all and cardinality(filter)
  if known then return 'cardinality', '', known end
  local driver = covers_all and State.smallest_in_id_order()
  if driver and #Reading.tests_beside(filter, driver) == 0 then return 'cardinality', '', driver.size end
  if covers_all and filter.size > Bitmaps.WORTHWHILE and Bitmaps.is_combination(filter) then return combine() end
  local sources, overlap = State.gathered()
  local number, ids = 0, {}
  local point = Reading.read_sources(sources, overlap, from, budget, function(found)
    found = covers_all and not overlap and found or State.among_order(found)
    if overlap then
      for i = 1, #found do ids[number + i] = found[i] end
    end
    number = number + #found
  end)
  -- A later run may give the same objects; only their ids show that.
  if overlap and (point or from) then
    return 'members', State.more('count', point), table.concat(ids, ',')
  end
  return 'number', State.more('count', point), number
end

-- Different ranks of one set at random, each choice of them as likely as any other (Floyd).
-- O(number * log n).
local function random()
  math.randomseed(offset)
  local set, chosen, ids = filter or order[1], {}, {}
  for j = math.max(set.first, set.last - limit), set.last - 1 do
    local at_rank = math.random(set.first, j)
    if chosen[at_rank] then at_rank = j end
    chosen[at_rank] = true
    ids[#ids + 1] = id_of(set, by_rank(set, at_rank, at_rank + 1)[1])
  end
  return 'random', '', table.concat(ids, ',')
end

-- Facts for explain(): the sets of the order and of the filter, and their numbers of entries.
local function facts()
  local sets = {}
  local function describe(node)
    if node.op == 'p' then
      sets[#sets + 1] = node.name
      sets[#sets + 1] = node.size
    elseif node.op == '!' then
      describe(node.child)
    else
      for i = 1, #node do describe(node[i]) end
    end
  end
  for _, set in ipairs(order) do describe(set) end
  for _, others in ipairs(further) do
    for _, set in ipairs(others) do describe(set) end
  end
  local order_sets = #sets / 2
  if filter then describe(filter) end
  return { total, order_sets, sets }
end

local resumed = { parts = combine, common = common, gather = gather, page = page, groups = groups, count = count, members = members }
local strategy, following, result, remark
if token[1] then
  local from = token[2]
  strategy, following, result, remark = resumed[token[1]](from[1] and from or nil)
elseif operation == 'count' then
  strategy, following, result = count()
elseif operation == 'members' then
  strategy, following, result = members()
elseif operation == 'nearest' then
  strategy, following, result = gather()
elseif operation == 'random' then
  if (filter and (filter.op ~= 'p' or not covers_all)) or #order ~= 1 then
    strategy, following, result = members()
  else
    strategy, following, result = random()
  end
elseif limit == 0 then
  strategy, following, result = 'page', '', ''
elseif #further > 0 then
  strategy, following, result, remark = groups()
else
  strategy, following, result = page()
end
return { 'built', strategy, following, touched, result, remark or {}, token[1] and {} or facts() }
