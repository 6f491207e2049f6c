-- Find the members of a set whose objects' records do not name it.
--
-- KEYS[1]  the model's base key
-- ARGV     1 set name, 2 kind ("id", "score" or "text"), 3 cursor, 4 members to look at,
--          5 "1" if the number of its objects is kept (<digest>#), 6 "1" to remove what is found
-- returns  {the cursor to go on with, "0" at the end, number of members looked at,
--          1 if no number is kept although it should be, id, ...}
-- cost     O(members)

local name, kind, counted, mend = ARGV[1], ARGV[2], ARGV[5] == '1', ARGV[6] == '1'
local set = { key = base .. ':' .. name, kind = kind }

local function remove_member(from, member)
  if packed_of(from) then return remove(from.key, '', member:sub(2)) end
  return redis.call('ZREM', from.key, member)
end

local function is_named(id, prefix)
  local record = read_record(id)
  if not record then return false end
  if name == 'ids' then return record[2] == 1 end
  if name == 'del' then return record[2] ~= 1 and not is_tombstone(id, record) end
  for i = 3, #record, 2 do
    if record[i] == name and record[i + 1] == prefix then return true end
  end
  return false
end

-- Packed sets are walked by ids: the cursor is "i" and the last one looked at.
local cursor, members = '0', {}
if packed_of(set) then
  -- A set that has been packed meanwhile is walked from the start.
  local last = ARGV[3]:match('^i(.*)')
  local start = last and rank(set, last, member_of(last) .. '\0') or 0
  local stop = math.min(start + tonumber(ARGV[4]), size(set))
  members = by_rank(set, start, stop)
  if stop < size(set) then cursor = 'i' .. members[#members]:sub(2) end
else
  local page = redis.call('ZSCAN', set.key, ARGV[3], 'COUNT', ARGV[4])
  cursor = page[1]
  for i = 1, #page[2], 2 do members[#members + 1] = page[2][i] end
end
local stale = {}
for i = 1, #members do
  local member = members[i]
  local plain = bare(set, member)
  if not plain or not is_named(plain:sub(2), member:sub(1, #member - #plain)) then
    stale[#stale + 1] = plain and plain:sub(2) or member
    if mend then remove_member(set, member) end
  end
end

local uncounted = 0 -- a number that is there and wrong is for counts.lua
if counted then
  local numbers, value = base .. ':' .. name:sub(1, 8) .. '#', name:sub(10)
  local number, kept = size(set), redis.call('ZSCORE', numbers, value)
  if not kept and number > 0 and (mend or ARGV[3] == '0') then
    uncounted = 1
    if mend then redis.call('ZADD', numbers, number, value) end
  end
end
finish_sets()
return { cursor, #members, uncounted, unpack(stale) }
