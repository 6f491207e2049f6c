-- The digest of a range of ids: the stored one, and the one computed from the records.
--
-- KEYS[1]  the model's base key
-- ARGV     1 the range, 2 its lowest id, 3 its highest id, 4 "1" to store the computed one
-- returns  {stored digest, computed digest}, as decimal text
-- cost     O(log n + objects in the range); a range has a thousand ids
--
-- requires: members ordered record

local range, low, high, repair = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local sum = 0
for _, name in ipairs({ 'ids', 'del' }) do
  local set = { key = base .. ':' .. name, kind = 'id' }
  local first = rank(set, low, member_of(low))
  local after = rank(set, high, member_of(high) .. '\0')
  for _, member in ipairs(by_rank(set, first, after)) do
    local id = member:sub(2)
    local record = Record.read_record(id)
    if record and not Record.is_tombstone(id, record) then
      sum = sum + Record.number_of(id, record[1], record[2] == 1)
    end
  end
end
local stored = redis.call('HGET', base .. ':sum', range) or '0'
local computed = ('%.0f'):format(sum)
if repair and stored ~= computed then
  if sum == 0 then
    redis.call('HDEL', base .. ':sum', range)
  else
    redis.call('HSET', base .. ':sum', range, computed)
  end
end
return { stored, computed }
