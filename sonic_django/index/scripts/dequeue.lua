-- Take objects out of the queue of full text, unless they have been queued again for a later version.
--
-- KEYS[1]  the model's base key
-- ARGV     id, version, id, version, ...
-- returns  number of objects taken out
-- cost     O(log n) an object

local queue, removed = KEYS[1] .. ':text', 0
for i = 1, #ARGV, 2 do
  local version = redis.call('ZSCORE', queue, ARGV[i])
  if version and tonumber(version) <= tonumber(ARGV[i + 1]) then
    removed = removed + redis.call('ZREM', queue, ARGV[i])
  end
end
return removed
