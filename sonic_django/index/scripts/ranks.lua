-- Ranks in packed sets, and reading them by rank.
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: functions that stay locals, see members.lua
-- cost     stated with the functions
--
-- requires: members packed

-- Running sums of the ids in the FAN blocks of a level that belong to one block of the level above:
-- before the first, before the second, ..., and in all of them. O(FAN), once a run.
local function counts_of(set, level, above)
  local name = level .. '/' .. text_of(above)
  local sums = set.sums[name]
  if sums then return sums end
  local first, last = above * FAN, math.floor(set.top / FAN ^ level)
  local prefix, fields = level > 0 and level .. '/' or '', {}
  for block = first, math.min(last, first + FAN - 1) do
    fields[#fields + 1] = prefix .. text_of(block)
  end
  sums = { 0 }
  if #fields > 0 then
    local numbers = redis.call('HMGET', set.key, unpack(fields))
    for i = 1, #fields do
      if level == 0 then note_chunk(set, fields[i], numbers[i]) end
      sums[i + 1] = sums[i] + math.abs(tonumber(numbers[i]) or 0)
    end
  end
  set.sums[name] = sums
  return sums
end

-- The members of small sets, ascending.
local function in_order(numbers)
  for i = 2, #numbers do
    -- Redis keeps small integers in order, unless set-max-intset-entries forbids it.
    if numbers[i] < numbers[i - 1] then
      table.sort(numbers)
      break
    end
  end
  return numbers
end

local function listed(set, chunk)
  return in_order(redis.call('SMEMBERS', set.key .. '#' .. chunk))
end

-- The number of ids of a chunk before the offset. O(log n) commands.
local function rank_in_chunk(set, chunk, offset)
  if offset == 0 then return 0 end
  local kind, key = kind_of(set, chunk), set.key .. '#' .. chunk
  if kind == 'none' then return 0 end
  if kind == 'set' then
    local numbers, bound, rank = listed(set, chunk), SPAN + offset, 0
    while rank < #numbers and tonumber(numbers[rank + 1]) < bound do rank = rank + 1 end
    return rank
  end
  local whole = math.floor(offset / 8)
  local rank = whole > 0 and redis.call('BITCOUNT', key, 0, whole - 1) or 0
  for at = whole * 8, offset - 1 do
    if is_set(bits_of(set, chunk), at) then rank = rank + 1 end
  end
  return rank
end

-- The number of ids before an id, which need not be in the set.
local function packed_rank(set, id)
  local chunk, offset = split(id)
  local number, rank = tonumber(chunk), 0
  if number > set.top then return set.n end
  for level = top_level(set.top), 0, -1 do
    local block = math.floor(number / FAN ^ level)
    local above = math.floor(block / FAN)
    rank = rank + counts_of(set, level, above)[block - above * FAN + 1]
  end
  return rank + rank_in_chunk(set, chunk, offset)
end

-- Add the members of ranks low to high - 1 of a chunk's bitmap.
local function take_bits(set, chunk, low, high, found)
  local key, text = set.key .. '#' .. chunk, bits_of(set, chunk)
  local first, last = 0, BYTES - 1 -- the byte with the bit of rank low
  while first < last do
    local middle = math.floor((first + last) / 2)
    if redis.call('BITCOUNT', key, 0, middle) > low then
      last = middle
    else
      first = middle + 1
    end
  end
  local rank = first > 0 and redis.call('BITCOUNT', key, 0, first - 1) or 0
  local start = chunk == '0' and '' or LENGTHS:sub(#chunk + DIGITS + 1, #chunk + DIGITS + 1) .. chunk
  local form = start .. '%0' .. DIGITS .. 'd'
  local at = first + 1
  while rank < high do
    at = text:find('%Z', at)
    local byte = text:byte(at)
    for i = 1, 8 do
      if byte >= BIT[i] then
        byte = byte - BIT[i]
        if rank >= low and rank < high then
          local offset = at * 8 - 9 + i
          found[#found + 1] = chunk == '0' and member_of(('%d'):format(offset)) or form:format(offset)
        end
        rank = rank + 1
      end
    end
    at = at + 1
  end
end

local function take_listed(set, chunk, low, high, found)
  local numbers = listed(set, chunk)
  if chunk == '0' then
    for i = low + 1, high do found[#found + 1] = member_of(('%d'):format(numbers[i] - SPAN)) end
    return
  end
  local start = LENGTHS:sub(#chunk + DIGITS + 1, #chunk + DIGITS + 1) .. chunk
  for i = low + 1, high do found[#found + 1] = start .. numbers[i]:sub(2) end
end

-- The members of ascending ranks low to high - 1.
local function packed_by_rank(set, low, high)
  local found = {}
  local function take(level, above, from, to)
    local sums = counts_of(set, level, above)
    for i = 1, #sums - 1 do
      if sums[i] >= to then break end
      if sums[i + 1] > from then
        local block = above * FAN + i - 1
        local first, last = math.max(from, sums[i]) - sums[i], math.min(to, sums[i + 1]) - sums[i]
        if level > 0 then
          take(level - 1, block, first, last)
        else
          local chunk = text_of(block)
          local take_part = kind_of(set, chunk) == 'bits' and take_bits or take_listed
          take_part(set, chunk, first, last, found)
        end
      end
    end
  end
  take(top_level(set.top), 0, low, high)
  return found
end
