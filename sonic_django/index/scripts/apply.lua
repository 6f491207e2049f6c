-- Bring the index of some objects to the given versions.
--
-- KEYS[1]  the model's base key
-- ARGV     now (seconds), mode, fingerprint of the declaration, digests whose values are counted
--          (comma separated), then for each object:
--          id, version, state ("live", "deleted", "gone"), full text changed ("1" or ""),
--          number of entries, and for each entry: set name, score ("" is the id), prefix
-- mode     ""         an older or equal version changes nothing
--          "rebuild"  an equal version is written again
--          "reset"    any version is written (a transaction was rolled back)
-- returns  {number of objects written, 1 if every index of the declaration is built else 0}
-- cost     O(entries * log n) an object
--
-- The record is what makes this exact: it names the sets the object is in, so what the new
-- version does not have is removed, whoever wrote it.

local now, mode, fingerprint = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local counted = {}
for digest in ARGV[4]:gmatch('[^,]+') do counted[digest] = true end

local KEEP_TOMBSTONES = 86400 -- seconds; far longer than any late or repeated apply

local touched = {} -- postings whose number of objects is to be noted
local function note(name)
  if counted[name:sub(1, 8)] then touched[name] = true end
end

local function write(id, version, state, text, entries)
  local old = read_record(id)
  if old then
    if mode == '' and old[1] >= version then return 0 end
    if mode == 'rebuild' and old[1] > version then return 0 end
  end
  local member = member_of(id)
  local wanted, record = {}, { version, state == 'live' and 1 or 0 }
  for _, entry in ipairs(entries) do
    local name, prefix = entry[1], entry[3]
    wanted[name] = prefix
    record[#record + 1] = name
    record[#record + 1] = prefix
  end
  for i = 3, old and #old or 0, 2 do
    local name, prefix = old[i], old[i + 1]
    if wanted[name] ~= prefix then
      remove(base .. ':' .. name, prefix .. member)
      note(name)
    end
  end
  for _, entry in ipairs(entries) do
    local name, score, prefix = entry[1], entry[2], entry[3]
    if score == '' then score = id end
    if add(base .. ':' .. name, score, prefix .. member) == 1 then note(name) end
    local first = prefix:byte(1)
    if first == 45 or first == 126 then
      -- Tells queries that a look-up by the plain id may miss in this index.
      redis.call('HSET', base .. ':state', 'prefixed:' .. name:sub(1, 8), '1')
    end
  end
  if state == 'live' then
    if not old or old[2] ~= 1 or mode ~= '' then
      add(base .. ':ids', id, member)
      remove(base .. ':del', member)
    end
  else
    remove(base .. ':ids', member)
    if state == 'deleted' then
      add(base .. ':del', id, member)
    else
      remove(base .. ':del', member)
      redis.call('ZADD', base .. ':gone', now, id)
    end
  end
  if state == 'gone' and mode == 'reset' then
    redis.call('HDEL', base .. ':rec', id)
    redis.call('ZREM', base .. ':gone', id)
  else
    redis.call('HSET', base .. ':rec', id, cmsgpack.pack(record))
  end
  if text ~= '' then redis.call('ZADD', base .. ':text', version, id) end
  return 1
end

local written, at = 0, 5
while at <= #ARGV do
  local id, version, state, text = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3]
  local entries, last = {}, at + 4 + 3 * tonumber(ARGV[at + 4])
  for i = at + 5, last, 3 do
    entries[#entries + 1] = { ARGV[i], ARGV[i + 1], ARGV[i + 2] }
  end
  written = written + write(id, version, state, text, entries)
  at = last + 1
end

for name in pairs(touched) do
  -- Set, not incremented: an apply that is repeated or late leaves the true number.
  local counts, value = base .. ':' .. name:sub(1, 8) .. '#', name:sub(10)
  local number = redis.call('ZCARD', base .. ':' .. name)
  if number > 0 then add(counts, number, value) else remove(counts, value) end
end

local old = redis.call('ZRANGEBYSCORE', base .. ':gone', '-inf', now - KEEP_TOMBSTONES, 'LIMIT', 0, 50)
for _, id in ipairs(old) do
  redis.call('HDEL', base .. ':rec', id)
  redis.call('ZREM', base .. ':gone', id)
end

return { written, redis.call('HEXISTS', base .. ':state', 'all:' .. fingerprint) }
