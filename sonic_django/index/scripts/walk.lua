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

local page = redis.call('ZSCAN', set.key, ARGV[3], 'COUNT', ARGV[4])
local cursor, pairs_found = page[1], page[2]
local stale = {}
for i = 1, #pairs_found, 2 do
  local member = pairs_found[i]
  local plain = bare(set, member)
  if not plain or not is_named(plain:sub(2), member:sub(1, #member - #plain)) then
    stale[#stale + 1] = plain and plain:sub(2) or member
    if mend then remove(set.key, member) end
  end
end

local uncounted = 0 -- a number that is there and wrong is for counts.lua
if counted then
  local numbers, value = base .. ':' .. name:sub(1, 8) .. '#', name:sub(10)
  local number, kept = size(set), redis.call('ZSCORE', numbers, value)
  if not kept and number > 0 and (mend or ARGV[3] == '0') then
    uncounted = 1
    if mend then add(numbers, number, value) end
  end
end
return { cursor, #pairs_found / 2, uncounted, unpack(stale) }
