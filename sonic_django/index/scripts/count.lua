-- The number of entries of a set. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     1 digests of the indexes used (comma separated), 2 name of a set of plain ids
-- returns  {"unbuilt", digest, ...} or {"built", number}
-- cost     O(1)
--
-- requires: built

local missing = unbuilt(ARGV[1])
if missing then return { 'unbuilt', unpack(missing) } end
local key = KEYS[1] .. ':' .. ARGV[2]
if redis.call('TYPE', key).ok == 'hash' then -- a packed set
  return { 'built', tonumber(redis.call('HGET', key, 'n')) }
end
return { 'built', redis.call('ZCARD', key) }
