-- Pages: by rank, by walking the order.
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: the table Paging, of functions that scripts share
-- cost     stated with the functions
--
-- requires: members ordered tree reading

local order, filter = {}, nil -- the sets of the order; the filter, if there is one
local descending, ties_descending -- the direction, and the direction among equal order values
local offset, wanted -- the number of objects to skip, and of those wanted after them
local budget -- entries that a run may touch

local Paging
do
  local position_of, within = Tree.position_of, Tree.within
  local BLOCK, cost_of_all, passing, plain_members, rank_after, weight_of =
    Reading.BLOCK, Reading.cost_of_all, Reading.passing, Reading.plain_members,
    Reading.rank_after, Reading.weight_of

  -- The query, filled in by state.lua.

  -- The ranks [low, high) of the entries that share the value of an entry.
  local function equals(set, score, member)
    local prefix = member:sub(1, #member - #bare(set, member))
    local low, high = prefix, prefix .. '\255'
    if prefix == '' then low, high = '.', '~' end
    return math.max(set.first, rank(set, score, low)), math.min(set.last, rank(set, score, high))
  end

  local function equals_at(set, at_rank)
    local pair = redis.call('ZRANGE', set.key, at_rank, at_rank, 'WITHSCORES')
    return equals(set, pair[2], pair[1])
  end

  -- Whether values descend, and whether each group of equals runs the other way.
  local function directions(set)
    if set.kind == 'id' then return ties_descending, false end
    return descending, descending ~= ties_descending
  end

  -- The number of entries up to and including an entry, in the order of the query.
  local function position_after(set, score, member)
    local down, mirrored = directions(set)
    local before = rank_after(set, score, member) -- ascending, the entry itself included
    if not mirrored then
      if not down then return before - set.first end
      local here = math.max(set.first, math.min(set.last, rank(set, score, member)))
      return set.last - here
    end
    local low, high = equals(set, score, member)
    if down then return set.last - high + math.max(0, before - low) end
    local here = math.max(low, math.min(high, rank(set, score, member)))
    return low - set.first + high - here
  end

  -- Call visit(members) for blocks of the set's entries in the order of the query, from ``position``;
  -- stop when it returns true. If equal values run against the direction, each group of equals is read
  -- backwards. ``cost`` is that of an entry, expected() the likely number of further visits.
  -- O(log n + visited), with O(log n) more a group in the latter case.
  local function blocks_in_order(set, position, cost, expected, visit)
    local down, mirrored = directions(set)
    local weight = weight_of(set)
    local largest = math.floor(math.max(1, math.min(BLOCK / weight, budget / (cost + weight - 1))))
    while position < set.size do
      local block = math.min(largest, math.max(1, math.ceil(expected())))
      local stop = math.min(position + block, set.size)
      local low, high -- ascending ranks
      if down then
        low, high = set.last - stop, set.last - position
      else
        low, high = set.first + position, set.first + stop
      end
      local backwards = down
      if mirrored then
        -- Mirror the ranks within the group of equals in which this step begins.
        local group_low, group_high = equals_at(set, down and high - 1 or low)
        local done = down and group_high - high or low - group_low
        local count = math.min(group_high - group_low - done, block)
        if down then
          low = group_low + done
        else
          low = group_high - done - count
        end
        high, stop, backwards = low + count, position + count, not down
      end
      local members = by_rank(set, low, high, backwards)
      touched = touched + weight * #members
      if visit(members) then return true end
      position = stop
    end
  end

  local function score_of(set, member)
    if set.kind == 'text' then return '0' end
    if set.kind == 'id' then return member:sub(2) end
    return redis.call('ZSCORE', set.key, member)
  end

  -- Walk sets one after the other and take the objects that pass the tests, until the page is full.
  -- ``rate`` entries are expected for one that passes. Returns the page, whether the walk was given up,
  -- and the point where the next run continues: {set, score, member, objects to skip, objects wanted,
  -- entries seen}. The walk is given up after ``patience`` entries: objects that pass are far from the
  -- start, and the estimate was wrong. O((offset + page) / share), and O(log n + page) without tests,
  -- as objects are then skipped by rank.
  local function walk(sets, tests, patience, rate, from)
    local page = {}
    local skip, left, steps, cost = offset, wanted, 0, 1 + cost_of_all(tests)
    if from then skip, left, steps = from[4], from[5], from[6] end
    if left < 0 then left = math.huge end
    local function expected() return (left + skip) * rate end
    local point, given_up
    for number = from and from[1] or 1, #sets do
      if left <= 0 then break end
      local set = sets[number]
      local position = 0
      if from and number == from[1] then position = position_after(set, from[2], from[3]) end
      if #tests == 0 then
        local skipped = math.min(skip, math.max(0, set.size - position))
        position, skip = position + skipped, skip - skipped
      end
      blocks_in_order(set, position, cost, expected, function(members)
        steps = steps + #members
        local found = passing(tests, plain_members(set, members))
        for i = 1, #found do
          if skip > 0 then
            skip = skip - 1
          elseif left > 0 then
            page[#page + 1] = found[i]:sub(2)
            left = left - 1
          end
        end
        if left <= 0 then return true end
        if steps > patience then
          given_up = true
        elseif touched - spared >= budget then
          local member, left_text = members[#members], left == math.huge and -1 or left
          point = { number, score_of(set, member), member, skip, left_text, steps }
        end
        return given_up or point
      end)
      if given_up or point then break end
    end
    return page, given_up, point
  end

  -- The position of the id among consecutive sets: number of the set, score as text, member; nil if
  -- it is in none.
  local function position_among(sets, id)
    for number, set in ipairs(sets) do
      if set.is_id_range then
        local member = member_of(id)
        if within(set, tonumber(id), member) then return number, id, member end
      else
        local score, member, text = position_of(set, id)
        if score and within(set, score, member) then return number, text, member end
      end
    end
  end

  Paging = {
    equals_at = equals_at, position_after = position_after, blocks_in_order = blocks_in_order,
    score_of = score_of, walk = walk, position_among = position_among
  }
end
