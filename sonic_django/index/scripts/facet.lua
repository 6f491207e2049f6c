-- The values of an index and how many objects each has. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     1 digests of the indexes used (comma separated), the first is the one whose values
--          2 "postings", "score" or "text"
--          3 limit (0: none), 4 the most that is walked through: different values of a sorted
--          index, or objects that satisfy the filter
--          then the filter (see nodes.lua), or nothing
-- returns  {"built", {value, number, ...}, complete (1 or 0), {value, original, ...}} or
--          {"unbuilt", digest, ...}; the values with most objects first
--          value: the key part for postings; for a sorted index the member's prefix or, for plain
--          numbers, the score; for objects without a value of a sorted index "".
--          original: of the hashed key parts, what was hashed
--          complete: for postings, whether there are no other values; else whether no more than
--          the most was there to walk through
-- cost     postings O(log n + limit); sorted O(distinct values * log n); with a filter O(objects
--          that satisfy it * their entries)

local missing = unbuilt(ARGV[1])
if missing then return { 'unbuilt', unpack(missing) } end
open_universe('ids')
local digest = ARGV[1]:match('^[^,]+')
local key, kind, limit, most = base .. ':' .. digest, ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
at = 5
local filter = at <= #ARGV and take_node() or nil
local found, complete = {}, 1 -- {value, number} pairs

local function note(value, number)
  found[#found + 1] = { value, number }
end

-- Each value's number is kept by apply.lua.
local function postings()
  local flat = redis.call('ZREVRANGE', key .. '#', 0, limit - 1, 'WITHSCORES')
  if limit > 0 and redis.call('ZCARD', key .. '#') > limit then complete = 0 end
  for i = 1, #flat, 2 do note(flat[i], tonumber(flat[i + 1])) end
end

-- From each value to the next by rank.
local function sorted()
  local set = { key = key, kind = kind }
  local length, position = size(set), 0
  while position < length do
    if #found >= most then
      complete = 0
      return
    end
    local pair = redis.call('ZRANGE', key, position, position, 'WITHSCORES')
    local prefix = pair[1]:sub(1, #pair[1] - #bare(set, pair[1]))
    local following = rank(set, pair[2], prefix == '' and '~' or prefix .. '\255')
    note(prefix == '' and pair[2] or prefix, following - position)
    position = following
  end
  local nulls = redis.call('ZCARD', key .. '~')
  if nulls > 0 then note('', nulls) end
end

-- From the records of the objects that satisfy the filter.
local function tally()
  local counts, objects = {}, 0
  each_match(filter, function(id)
    objects = objects + 1
    if objects > most then return end
    local record = record_of(id)
    for i = 3, #record, 2 do
      local name, prefix = record[i], record[i + 1]
      if name:sub(1, 8) == digest then
        local value = prefix
        if kind == 'postings' then
          value = name:sub(10)
        elseif name:sub(9) == '~' then
          value = ''
        elseif prefix == '' then
          value = redis.call('ZSCORE', key, member_of(id))
        end
        counts[value] = (counts[value] or 0) + 1
      end
    end
  end)
  if objects > most then complete = 0 end
  for value, number in pairs(counts) do note(value, number) end
end

if filter then
  -- A filter by sets knows its size before anything is walked.
  if filter.op == 'p' and filter.size > most then complete = 0 else tally() end
elseif kind == 'postings' then
  postings()
else
  sorted()
end

table.sort(found, function(a, b)
  if a[2] ~= b[2] then return a[2] > b[2] end
  return less(a[1], b[1])
end)
local flat, originals = {}, {}
for i = 1, limit > 0 and math.min(#found, limit) or #found do
  local value = found[i][1]
  flat[#flat + 1] = value
  flat[#flat + 1] = found[i][2]
  if kind == 'postings' and value:byte(1) == 104 then -- 104 "h": hashed, see encoding.key_part
    originals[#originals + 1] = value
    originals[#originals + 1] = redis.call('HGET', key .. '$', value) or ''
  end
end
return { 'built', flat, complete, originals }
