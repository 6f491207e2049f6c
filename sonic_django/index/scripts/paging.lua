-- Pages: by rank, by walking the order, by gathering and sorting.

-- The question, filled in by query.lua.
local order, filter = {}, nil -- the sets that make the order; the filter, if there is one
local descending, ties_descending -- the direction, and that among equal order values
local offset, wanted -- objects to leave out, and how many are wanted then

-- Walking the order -------------------------------------------------------------------------------

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
