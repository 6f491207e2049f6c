-- The values of an index and how many objects each has. Writes nothing. One run touches a bounded
-- number of entries; if there is more to do, the next run takes its token.
--
-- KEYS[1]  the model's base key
-- ARGV     1 digests of the indexes used (comma separated), the first is the one whose values
--          2 "postings", "score" or "text"
--          3 limit of the values of postings, which are the most frequent
--          4 limit of the walk: different values of a sorted index, or objects that satisfy the
--          filter (-1: no limit)
--          5 entries that a run may touch, 6 token of the run before, or ""
--          then the filter (see tree.lua), or nothing
-- returns  {"unbuilt", digest, ...} or {"built", token ("" at the end), {value, number, ...},
--          complete (1 or 0), {value, original, ...}}; the numbers of all runs are to be added
--          value: the key part for postings; for a sorted index the member's prefix or, for plain
--          numbers, the score; for objects without a value of a sorted index "".
--          original: the hashed text, of a hashed key part
--          complete: for postings, whether there are no other values; else whether the limit of
--          the walk was not exceeded
--          or {"overlap"} where a later run could count an object again
-- cost     postings O(log n + limit); sorted O(distinct values * log n); with a filter O(objects
--          that satisfy it * their entries)
--
-- requires: members packed ordered built arguments tree reading

local missing = unbuilt(ARGV[1])
if missing then return { 'unbuilt', unpack(missing) } end
Tree.open_universe('ids')
local digest = ARGV[1]:match('^[^,]+')
local key, kind, limit = base .. ':' .. digest, ARGV[2], tonumber(ARGV[3])
local walk_limit, budget = tonumber(ARGV[4]), tonumber(ARGV[5])
if walk_limit < 0 then walk_limit = math.huge end
local token = ARGV[6] ~= '' and cmsgpack.unpack(ARGV[6]) or nil
at = 7
local filter = at <= #ARGV and Tree.take_node() or nil
local flat, complete, following = {}, 1, nil

local function note(value, number)
  flat[#flat + 1] = value
  flat[#flat + 1] = number
end

-- apply.lua keeps the count of each value.
local function postings()
  local pairs_of = redis.call('ZREVRANGE', key .. '#', 0, limit - 1, 'WITHSCORES')
  if redis.call('ZCARD', key .. '#') > limit then complete = 0 end
  for i = 1, #pairs_of, 2 do note(pairs_of[i], tonumber(pairs_of[i + 1])) end
end

-- Skip scan: from each value to the next by rank.
local function sorted()
  local set = { key = key, kind = kind }
  local length, position, seen = size(set), 0, 0
  if token then position, seen = rank(set, token[1], token[2]), token[3] end
  while position < length do
    if seen >= walk_limit then
      complete = 0
      return
    end
    local pair = redis.call('ZRANGE', key, position, position, 'WITHSCORES')
    local prefix = pair[1]:sub(1, #pair[1] - #bare(set, pair[1]))
    local after = prefix == '' and '~' or prefix .. '\255'
    if touched >= budget then
      following = { pair[2], prefix == '' and '.' or prefix, seen }
      return
    end
    local stop = rank(set, pair[2], after)
    note(prefix == '' and pair[2] or prefix, stop - position)
    position, seen, touched = stop, seen + 1, touched + 4
  end
  local nulls = cardinality_of(key .. '~')
  if nulls > 0 then note('', nulls) end
end

-- Count from the records of the objects that satisfy the filter. Returns whether a later run could
-- count an object again.
local function tally()
  local counts, objects = {}, token and token[2] or 0
  local sources, overlap = Reading.sources_of(filter)
  local point = Reading.read_sources(sources, overlap, token and token[1], budget, function(members)
    objects = objects + #members
    if objects > walk_limit then return end
    for j = 1, #members do
      local record = Tree.record_of(members[j]:sub(2))
      for i = 3, #record, 2 do
        local name, prefix = record[i], record[i + 1]
        if name:sub(1, 8) == digest then
          local value = prefix
          if kind == 'postings' then
            value = name:sub(10)
          elseif name:sub(9) == '~' then
            value = ''
          elseif prefix == '' then
            value = redis.call('ZSCORE', key, members[j])
          end
          counts[value] = (counts[value] or 0) + 1
        end
      end
    end
  end)
  for value, number in pairs(counts) do note(value, number) end
  if objects > walk_limit then
    complete = 0
  elseif point then
    following = { point, objects }
    return overlap
  end
end

if filter then
  -- The size of a filter by one set is known before the walk.
  if filter.op == 'p' and filter.size > walk_limit then
    complete = 0
  elseif tally() then
    return { 'overlap' }
  end
elseif kind == 'postings' then
  postings()
else
  sorted()
end

local originals = {}
if kind == 'postings' then
  for i = 1, #flat, 2 do
    if flat[i]:byte(1) == 104 then -- 104 "h": hashed, see encoding.key_part
      originals[#originals + 1] = flat[i]
      originals[#originals + 1] = redis.call('HGET', key .. '$', flat[i]) or ''
    end
  end
end
return { 'built', following and cmsgpack.pack(following) or '', flat, complete, originals }
