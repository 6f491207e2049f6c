-- Find values of an index whose stored count differs from the number of objects in their set.
--
-- KEYS[1]  the model's base key
-- ARGV     1 digest of the index, 2 cursor in <digest>#, 3 cursor in <digest>$ (either is "" when
--          that has ended), 4 values to look at, 5 "1" to correct them
-- returns  {the two cursors to go on with, value, ...}
-- cost     O(values)
--
-- requires: members packed

local digest, limit, repair = ARGV[1], ARGV[4], ARGV[5] == '1'
local numbers, originals = base .. ':' .. digest .. '#', base .. ':' .. digest .. '$'
local wrong = {}

local function next_cursor(cursor) return cursor ~= '0' and cursor or '' end

local in_numbers = ''
if ARGV[2] ~= '' then
  local page = redis.call('ZSCAN', numbers, ARGV[2], 'COUNT', limit)
  in_numbers = next_cursor(page[1])
  for i = 1, #page[2], 2 do
    local value = page[2][i]
    local number = cardinality_of(base .. ':' .. digest .. ':' .. value)
    if number ~= tonumber(page[2][i + 1]) then
      wrong[#wrong + 1] = value
      if repair and number > 0 then redis.call('ZADD', numbers, number, value) end
      if repair and number == 0 then redis.call('ZREM', numbers, value) end
    end
  end
end

local in_originals = ''
if ARGV[3] ~= '' then
  local page = redis.call('HSCAN', originals, ARGV[3], 'COUNT', limit)
  in_originals = next_cursor(page[1])
  for i = 1, #page[2], 2 do
    local value = page[2][i]
    if cardinality_of(base .. ':' .. digest .. ':' .. value) == 0 then
      wrong[#wrong + 1] = value
      if repair then redis.call('HDEL', originals, value) end
    end
  end
end
return { in_numbers, in_originals, unpack(wrong) }
