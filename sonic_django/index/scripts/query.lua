-- Answer a query: ids in order, a count, or ids at random. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     1 what: "ids", "count", "random"; with "explain " before it, how it was found
--          2 digests of the indexes used (comma separated)
--          3 offset ("random": a seed), 4 limit (-1: none)
--          5 direction "asc" or "desc", 6 direction among equal order values
--          7 the set of all objects asked for: "ids" or "del"
--          8 number of sets that make the order, one after the other; then each as a leaf; they
--            may hold a part of all objects only, and nothing else is then found
--          then the filter (see nodes.lua), or nothing
-- returns  {"built", what was asked} or {"unbuilt", digest, ...}
-- cost     stated with each strategy below; the cheapest is chosen by cardinality

local explains, what = ARGV[1]:match('^(%l- ?)(%l+)$')
local limit = tonumber(ARGV[4])
offset, wanted = tonumber(ARGV[3]), limit < 0 and math.huge or limit
descending, ties_descending = ARGV[5] == 'desc', ARGV[6] == 'desc'

local missing = unbuilt(ARGV[2])
if missing then return { 'unbuilt', unpack(missing) } end

open_universe(ARGV[7])
at = 8
local order_size = 0
for i = 1, tonumber(take()) do
  take()
  order[i] = take_leaf()
  order_size = order_size + order[i].size
end
if at <= #ARGV then filter = take_node() end
local by_id = #order == 1 and order[1].is_id_range

-- Choosing ---------------------------------------------------------------------------------------------

-- Ordered by id, the entries of one value are themselves in order: the smallest such set that all
-- objects asked for are in can be walked instead of all ids.
local function smallest_in_id_order()
  local best
  local function consider(node)
    if not node.one then return end
    if not best or node.size < best.size or (best.is_id_range and node.size == best.size) then
      best = node
    end
  end
  consider(filter)
  if filter.op == '&' then
    for i = 1, #filter do consider(filter[i]) end
  end
  return best
end

-- Whether being in the driver says all that the filter asks for.
local function is_all(driver)
  if filter == driver then return true end
  for i = 1, #filter do
    if filter[i] ~= driver and not filter[i].is_id_range then return false end
  end
  return filter.op == '&'
end

local function page()
  if limit == 0 then return 'none', {} end
  if not filter then return 'page', page_by_rank(order) end
  local sets, length = order, order_size
  local driver = by_id and smallest_in_id_order() or nil
  if driver then
    sets, length = { driver }, driver.size
    if is_all(driver) then return 'page', page_by_rank(sets) end
  end
  -- A gathered object costs its test, its place in the order and its share of the sort.
  local most = 2 * filter.size
  local visits = math.min(length, (offset + wanted) * length / math.max(1, total * filter.share))
  if visits <= most then
    local found = walk(sets, driver, math.max(most, BLOCK))
    if found then return 'walk', found end
  end
  return 'gather', gather()
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

-- A filter by one set is counted without looking at its entries: O(log n). Else O(candidates).
local function count()
  local whole = by_id and order_size == total
  if not filter then return 'cardinality', order_size end
  local known = whole and cardinality(filter)
  if known then return 'cardinality', known end
  local driver = whole and smallest_in_id_order()
  if driver and is_all(driver) then return 'cardinality', driver.size end
  local number = 0
  each_match(filter, function(id)
    if whole or place_in_order(id) then number = number + 1 end
  end)
  return 'gather', number
end

-- Different ranks of [first, last) at random, each set of them as likely as any other (Floyd).
local function random_ranks(first, last, number)
  local chosen, ranks = {}, {}
  for j = math.max(first, last - number), last - 1 do
    local rank_of_one = math.random(first, j)
    if chosen[rank_of_one] then rank_of_one = j end
    chosen[rank_of_one] = true
    ranks[#ranks + 1] = rank_of_one
  end
  return ranks
end

-- One set: O(number * log n). Else all that satisfy the filter are looked at, and few are kept.
local function random()
  math.randomseed(offset)
  local found = {}
  local one = not filter and #order == 1 and order[1] or (filter and filter.op == 'p' and filter)
  if one and by_id and order_size == total then
    for _, at_rank in ipairs(random_ranks(one.first, one.last, limit)) do
      found[#found + 1] = id_of(one, by_rank(one, at_rank, at_rank + 1)[1])
    end
  else
    local seen = 0
    each_match(filter or { op = 'a' }, function(id)
      if not place_in_order(id) then return end
      seen = seen + 1
      local slot = seen <= limit and seen or math.random(seen)
      if slot <= limit then found[slot] = id end
    end)
  end
  for i = #found, 2, -1 do -- neither way gives a random order by itself
    local j = math.random(i)
    found[i], found[j] = found[j], found[i]
  end
  return 'random', found
end

local name, answer
if what == 'count' then
  name, answer = count()
elseif what == 'random' then
  name, answer = random()
else
  name, answer = page()
end
if explains == '' then return { 'built', answer } end

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
local order_sets = #sets / 2
if filter then describe(filter) end
return { 'built', { name, touched, total, order_sets, sets } }
