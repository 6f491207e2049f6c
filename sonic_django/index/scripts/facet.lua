-- The values of an index and how many objects each has. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     1 digest of the index, 2 "postings", "score" or "text"
--          3 limit, 4 the most distinct values a sorted index is walked through
-- returns  {"built", {value, number, ...}, complete (1 or 0)} or {"unbuilt", digest}
--          value: the key part for postings (most objects first); for a sorted index the member's
--          prefix or, for plain numbers, the score (in the index's order)
-- cost     postings O(log n + limit); sorted O(distinct values * log n)

local missing = unbuilt(ARGV[1])
if missing then return { 'unbuilt', unpack(missing) } end
local key, limit, most = base .. ':' .. ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])

if ARGV[2] == 'postings' then
  local counts = key .. '#'
  local complete = redis.call('ZCARD', counts) <= limit and 1 or 0
  return { 'built', redis.call('ZREVRANGE', counts, 0, limit - 1, 'WITHSCORES'), complete }
end

local set = { key = key, kind = ARGV[2] }
local total, at, found = size(set), 0, {}
while at < total and #found < 2 * most do
  local pair = redis.call('ZRANGE', key, at, at, 'WITHSCORES')
  local prefix = pair[1]:sub(1, #pair[1] - #bare(set, pair[1]))
  local following = rank(set, pair[2], prefix == '' and '~' or prefix .. '\255')
  found[#found + 1] = prefix == '' and pair[2] or prefix
  found[#found + 1] = following - at
  at = following
end
local nulls = redis.call('ZCARD', key .. '~')
if nulls > 0 then
  found[#found + 1] = ''
  found[#found + 1] = nulls
end
return { 'built', found, at >= total and 1 or 0 }
