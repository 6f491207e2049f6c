-- Find the members of a set that the records of their objects do not name.
--
-- KEYS[1]  the model's base key
-- ARGV     1 set name, 2 kind ("id", "score" or "text"), 3 cursor, 4 members to check,
--          5 "1" if the number of its objects is stored (<digest>#), 6 "1" to remove them
-- returns  {the cursor to go on with, "0" at the end, number of members checked,
--          1 if a number of its objects is missing or wrong, id, ...}
-- cost     O(members); the first call on a packed set O(its chunks) more
--
-- requires: members packed packing ordered record

local name, kind, counted, repair = ARGV[1], ARGV[2], ARGV[5] == '1', ARGV[6] == '1'
local set = { key = base .. ':' .. name, kind = kind }

local function remove_member(from, member)
  if packed_of(from) then return Packing.remove(from.key, '', member:sub(2)) end
  return redis.call('ZREM', from.key, member)
end

local function is_named(id, prefix)
  local record = Record.read_record(id)
  if not record then return false end
  if name == 'ids' then return record[2] == 1 end
  if name == 'del' then return record[2] ~= 1 and not Record.is_tombstone(id, record) end
  for i = 3, #record, 2 do
    if record[i] == name and record[i + 1] == prefix then return true end
  end
  return false
end

-- Whether the counts of a packed set are those of its chunks; ``repair`` corrects them.
local function is_counted(packed)
  local kept, counts, number, top = {}, {}, 0, 0
  local flat = redis.call('HGETALL', packed.key)
  for i = 1, #flat, 2 do kept[flat[i]] = tonumber(flat[i + 1]) end
  top, kept.m = kept.m or 0, nil
  for chunk in pairs(kept) do
    if chunk:find('^%d+$') then
      local key = packed.key .. '#' .. chunk
      local kind, count = redis.call('TYPE', key).ok, 0
      if kind == 'set' then count = redis.call('SCARD', key) end
      if kind == 'string' then count = redis.call('BITCOUNT', key) end
      if count > 0 then
        counts[chunk] = kind == 'string' and -count or count
        number, top = number + count, math.max(top, tonumber(chunk))
      end
    end
  end
  local blocks = {}
  for chunk, count in pairs(counts) do
    local block = tonumber(chunk)
    for level = 1, top_level(top) do
      block = math.floor(block / FAN)
      local field = level .. '/' .. text_of(block)
      blocks[field] = (blocks[field] or 0) + math.abs(count)
    end
  end
  for field, count in pairs(blocks) do counts[field] = count end
  counts.n = number
  local is_right = top == packed.top
  for field, count in pairs(counts) do is_right = is_right and kept[field] == count end
  for field in pairs(kept) do is_right = is_right and counts[field] ~= nil end
  if repair and not is_right then
    redis.call('DEL', packed.key)
    if number > 0 then redis.call('HSET', packed.key, 'm', text_of(top)) end
    for field, count in pairs(number > 0 and counts or {}) do
      redis.call('HSET', packed.key, field, text_of(count))
    end
    opened[packed.key] = nil
  end
  return is_right
end

local uncounted = 0 -- counts.lua finds a count that exists and is wrong
if ARGV[3] == '0' and packed_of(set) and not is_counted(packed_of(set)) then uncounted = 1 end

-- Packed sets are walked by ids: the cursor is "i" and the last id checked.
local cursor, members = '0', {}
if packed_of(set) and not (uncounted == 1 and not repair) then -- wrong counts make ranks wrong
  -- A set that was packed since the previous call is walked from the start.
  local last = ARGV[3]:match('^i(.*)')
  local start = last and rank(set, last, member_of(last) .. '\0') or 0
  local stop = math.min(start + tonumber(ARGV[4]), size(set))
  members = by_rank(set, start, stop)
  if stop < size(set) and #members > 0 then cursor = 'i' .. members[#members]:sub(2) end
elseif not packed_of(set) then
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
    if repair then remove_member(set, member) end
  end
end

if counted then
  local numbers, value = base .. ':' .. name:sub(1, 8) .. '#', name:sub(10)
  local number, kept = size(set), redis.call('ZSCORE', numbers, value)
  if not kept and number > 0 and (repair or ARGV[3] == '0') then
    uncounted = 1
    if repair then redis.call('ZADD', numbers, number, value) end
  end
end
Packing.finish_sets()
return { cursor, #members, uncounted, unpack(stale) }
