-- The shared functions: the only ones that touch the layout of an ordered set and of a record.
--
-- A set is a table {key =, kind =}: kind "id" (score is the id), "score" (a number; members may
-- carry a prefix that orders exactly what one double cannot tell apart) or "text" (score 0, the
-- whole string as prefix). See sonic_django/index/encoding.py for the form of members.

local base = KEYS[1]
local LENGTHS = '0123456789abcdefghijklmnopqrstuvwxyz'

-- The member that stands for an id: the number of its digits, then its digits.
local function member_of(id)
  return LENGTHS:sub(#id + 1, #id + 1) .. id
end

-- The member's last part without the prefix. Looks at no more than the end of a long text: an id
-- of 64 bits takes 20 characters, and what stands before it is neither digit nor letter.
local function bare(set, member)
  local first = member:byte(1)
  if set.kind == 'text' or first == 45 or first == 126 then -- 45 "-", 126 "~"
    return member:sub(-21):match('[^0-9a-z]([0-9a-z]+)$')
  end
  return member
end

local function id_of(set, member)
  return bare(set, member):sub(2)
end

-- Byte order. Lua's own "<" follows the locale of the server (strcoll).
local function less(a, b)
  local shorter, start = math.min(#a, #b), 1
  while shorter - start >= 64 and a:sub(start, start + 63) == b:sub(start, start + 63) do
    start = start + 64 -- long texts often begin alike
  end
  for i = start, shorter do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- O(log n) each.
local function add(key, score, member) return redis.call('ZADD', key, score, member) end
local function remove(key, member) return redis.call('ZREM', key, member) end
local function size(set) return redis.call('ZCARD', set.key) end

-- The members of ascending ranks low to high - 1, the last first if descending. O(log n + page).
local function by_rank(set, low, high, descending)
  if high <= low then return {} end
  if descending then
    return redis.call('ZREVRANGE', set.key, set.card - high, set.card - 1 - low)
  end
  return redis.call('ZRANGE', set.key, low, high - 1)
end

-- How many entries stand before (score, member). O(log n), O(log^2 n) among equal scores.
local function rank(set, score, member)
  if set.kind == 'text' then
    if member == '' then return 0 end
    return redis.call('ZLEXCOUNT', set.key, '-', '(' .. member)
  end
  local below = redis.call('ZCOUNT', set.key, '-inf', '(' .. score)
  if member == '' then return below end
  local ties = redis.call('ZCOUNT', set.key, score, score)
  if ties == 0 then return below end
  -- Nearly always all of the ties are plain ids: settled by a look at the first or the last.
  if not less(redis.call('ZRANGE', set.key, below, below)[1], member) then return below end
  local low, high = below + 1, below + ties
  if less(redis.call('ZRANGE', set.key, high - 1, high - 1)[1], member) then return high end
  while low < high do
    local middle = math.floor((low + high) / 2)
    if less(redis.call('ZRANGE', set.key, middle, middle)[1], member) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

-- The record of an object: {version, live (1 or 0), set name, prefix, set name, prefix, ...}.
local function read_record(id)
  local packed = redis.call('HGET', base .. ':rec', id)
  return packed and cmsgpack.unpack(packed)
end

-- Whether the record is what is kept of an object that was destroyed.
local function is_tombstone(id, record)
  return record[2] ~= 1 and redis.call('ZSCORE', base .. ':gone', id) ~= false
end

-- The digest of a range of a thousand ids is the sum of its objects' numbers, which SQL works out
-- in the same way from the rows: see sonic_django/table/digests.py. Below 2^43, so exact.
local function number_of(id, version, live)
  local text = ('%s:%.0f:%d'):format(id, version, live and 1 or 0)
  return tonumber(redis.sha1hex(text):sub(1, 8), 16)
end

-- By the digits: 64 bits are more than a number in Lua holds.
local function range_of(id)
  return #id > 3 and id:sub(1, -4) or '0'
end

-- The first of the digests (comma separated) whose index is not built, all of them; or nil.
local function unbuilt(digests)
  local names = {}
  for name in digests:gmatch('[^,]+') do names[#names + 1] = name end
  local states = redis.call('HMGET', base .. ':state', unpack(names))
  local missing = {}
  for i, name in ipairs(names) do
    if not states[i] then missing[#missing + 1] = name end
  end
  if #missing > 0 then return missing end
end

-- Arguments: the next one; so many rows of a width, their number before them.
local at -- set by each script
local function take()
  at = at + 1
  return ARGV[at - 1]
end

local function take_many(width)
  local rows = {}
  for i = 1, tonumber(take()) do
    rows[i] = {}
    for j = 1, width do rows[i][j] = take() end
  end
  return rows
end
