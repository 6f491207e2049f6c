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
local offset, limit = tonumber(ARGV[3]), tonumber(ARGV[4])
local descending, ties_descending = ARGV[5] == 'desc', ARGV[6] == 'desc'
local INFINITE = math.huge
local wanted = limit < 0 and INFINITE or limit

local missing = unbuilt(ARGV[2])
if missing then return { 'unbuilt', unpack(missing) } end

open_universe(ARGV[7])
at = 8
local order, order_size = {}, 0
for i = 1, tonumber(take()) do
  take()
  order[i] = take_leaf()
  order_size = order_size + order[i].size
end
local filter = at <= #ARGV and take_node() or nil
local by_id = #order == 1 and order[1].is_id_range

-- Walking the order ----------------------------------------------------------------------------------

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
  local position, block = skip, math.min(BLOCK, wanted)
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

-- The order's sets hold just what is asked for: page by rank. O(log n + page).
local function page_by_rank(sets)
  local page, skip, left = {}, offset, wanted
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
-- nil when that takes more than the given number of steps: the objects that satisfy the filter
-- stand far from the start, and the estimate was wrong.
local function walk(sets, driver, most)
  local page, skip, left, steps = {}, offset, wanted, 0
  for _, set in ipairs(sets) do
    if left <= 0 then break end
    local stopped = each_in_order(set, 0, function(id)
      steps = steps + 1
      if steps > most then return true end
      local yes
      if driver then yes = satisfies_rest(filter, driver, id) else yes = satisfies(filter, id) end
      if yes then
        if skip > 0 then
          skip = skip - 1
        else
          page[#page + 1] = id
          left = left - 1
        end
      end
      return left <= 0
    end)
    if stopped and left > 0 then return nil end
  end
  return page
end

-- Gathering and sorting --------------------------------------------------------------------------------

-- Where the id stands in the order: number of the set, score, member; nil if it is in none.
local function place_in_order(id)
  for segment, set in ipairs(order) do
    local score, member
    if set.is_id_range then
      score, member = tonumber(id), member_of(id)
    else
      score, member = place(set, id)
    end
    if score and within(set, score, member) then return segment, score, member end
  end
end

local function weigh(prefix) -- no prefix stands between "-..." and "~..."
  return prefix == '' and '.' or prefix
end

local function comes_first(a, b)
  if a.segment ~= b.segment then return a.segment < b.segment end
  if a.score ~= b.score then
    if descending then return a.score > b.score end
    return a.score < b.score
  end
  if a.prefix ~= b.prefix then
    if descending then return less(b.prefix, a.prefix) end
    return less(a.prefix, b.prefix)
  end
  if #a.id ~= #b.id then return (#a.id > #b.id) == ties_descending end
  return a.id ~= b.id and less(b.id, a.id) == ties_descending
end

-- Gather all that satisfy the filter from its smallest part, then sort. O(m log m) for m found.
local function gather()
  local rows = {}
  each_match(filter, function(id)
    local segment, score, member = place_in_order(id)
    if not segment then return end
    local set = order[segment]
    local row = { id = id, segment = segment, score = 0, prefix = '' }
    if set.kind ~= 'id' then
      row.score, row.prefix = score, weigh(member:sub(1, #member - #bare(set, member)))
    end
    rows[#rows + 1] = row
  end)
  table.sort(rows, comes_first)
  local page = {}
  for i = offset + 1, math.min(#rows, offset + wanted) do page[#page + 1] = rows[i].id end
  return page
end

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

-- A filter by one set is counted without looking at its entries: O(log n). Else O(candidates).
local function count()
  local whole = by_id and order_size == total
  if not filter then return 'cardinality', order_size end
  if whole and filter.op == 'p' then return 'cardinality', filter.size end
  if whole and filter.op == '!' and filter.child.op == 'p' then
    return 'cardinality', total - filter.child.size
  end
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
