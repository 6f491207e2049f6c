-- Update the index of some objects to the given versions.
--
-- KEYS[1]  the model's base key
-- ARGV     now (seconds), mode, fingerprint of the declaration, digests whose values are counted
--          (comma separated), then for each object:
--          id, version, state ("live", "deleted", "destroyed"), full text ("1" changed, "0" not changed
--          by this version, "" the model has none),
--          number of entries, and for each entry: set name, score ("" is the id), prefix
--          number of originals, and for each: set name, the value whose hash is in the name
-- mode     ""         an older or equal version changes nothing
--          "rebuild"  an equal version is written again
--          "reset"    any version is written (a transaction was rolled back)
-- returns  {number of objects written, 1 if every index of the declaration is built else 0,
--           1 if full text of some was queued else 0}
-- cost     O(entries * log n) an object
--
-- Built marks of indexes outside the declaration are removed, see declaration.lua.
--
-- Records make this exact: each names the sets that its object is in, so entries that the new
-- version lacks are removed, whichever process wrote them.
--
-- Sets, records and numbers of objects are written once for all objects of a run: see
-- gathering.lua. Records are written after the entries that they name: a run that breaks off leaves
-- no record of an object that is not yet in its sets.
--
-- requires: members packed packing record gathering declaration

local now, mode, fingerprint = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local counted = {}
for digest in ARGV[4]:gmatch('[^,]+') do counted[digest] = true end

local KEEP_TOMBSTONES = 86400 -- seconds; far longer than any late or repeated apply

local touched = {} -- postings whose number of objects must be updated
local function note(name)
  if counted[name:sub(1, 8)] then touched[name] = true end
end

local state_of_index = redis.call('HMGET', base .. ':state', 'writer', 'all:' .. fingerprint)
local is_writer_noted = state_of_index[1] == fingerprint
local function note_writer()
  if is_writer_noted then return end
  is_writer_noted = true
  declare(fingerprint)
end

local sums = {} -- range of ids -> the change of its digest
local function sum(id, old, state, version)
  local change = 0
  if state ~= 'destroyed' then change = Record.number_of(id, version, state == 'live') end
  if old and old[1] > 0 and not Record.is_tombstone(id, old) then change = change - Record.number_of(id, old[1], old[2] == 1) end
  if change ~= 0 then sums[Record.range_of(id)] = (sums[Record.range_of(id)] or 0) + change end
end

local flagged = {} -- indexes known to have prefixes
local function flag(digest)
  if flagged[digest] then return end
  flagged[digest] = true
  -- Queries read this: in such an index a look-up by the plain id may find nothing.
  redis.call('HSET', base .. ':state', 'prefixed:' .. digest, '1')
end

-- Versions grow by steps, see sonic_django/table/versions.py. Rows of former releases are at step 0.
local function step_of(version) return math.floor(version / 65536) end

local destroyed = false
local texts, records, originals = {}, {}, {} -- to be written for the objects so far

-- ``at`` is the index of the object's number of entries in ARGV. Additions are gathered, removals are made at once.
local function write(id, version, state, text, old, at)
  -- A skipped version may have changed the text, and so may a late one, and a lost one whose number is
  -- given again after the database was set back. A rebuild or a reset applies versions that other
  -- processes wrote, so it assumes a change.
  local skips = not old or (version ~= old[1] and (mode ~= '' or step_of(version) ~= step_of(old[1]) + 1))
  if text == '1' or (text == '0' and skips) then
    texts[#texts + 1] = version
    texts[#texts + 1] = id
  end
  if old then
    if mode == '' and old[1] >= version then return 0 end
    if mode == 'rebuild' and old[1] > version then return 0 end
  end
  note_writer()
  sum(id, old, state, version) -- before :gone changes, which makes the old record a tombstone or not
  local member, is_live = member_of(id), state == 'live'
  local wanted, record = old and {}, { version, is_live and 1 or 0 }
  local recorded = {} -- sets of ids that the old record names
  if mode == '' then
    for i = 3, old and #old or 0, 2 do recorded[old[i]] = old[i + 1] end
  end
  local after = at + 1 + 3 * ARGV[at]
  for i = at + 1, after - 1, 3 do
    local name, score, prefix = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    if wanted then wanted[name] = prefix end
    record[#record + 1] = name
    record[#record + 1] = prefix
    if score == '' then
      if recorded[name] ~= prefix then Gathering.gather_id(name, id) end
    else
      Gathering.gather_member(name, score, prefix .. member)
    end
    local first = prefix:byte(1)
    if first == 45 or first == 126 then flag(name:sub(1, 8)) end
  end
  for i = after + 1, after + 2 * ARGV[after], 2 do
    local name = ARGV[i]
    local digest = name:sub(1, 8)
    local list = originals[digest] or {}
    originals[digest] = list
    list[#list + 1] = name:sub(10)
    list[#list + 1] = ARGV[i + 1]
  end
  for i = 3, old and #old or 0, 2 do
    local name, prefix = old[i], old[i + 1]
    if wanted[name] ~= prefix then
      Packing.remove(base .. ':' .. name, prefix, id)
      note(name)
    end
  end
  if not is_live or not old or old[2] ~= 1 or mode ~= '' then
    local is_new = not old and mode == ''
    if not is_new then
      if not is_live then Packing.remove(base .. ':ids', '', id) end
      if state ~= 'deleted' then Packing.remove(base .. ':del', '', id) end
    end
    if state == 'destroyed' then
      redis.call('ZADD', base .. ':gone', now, id)
      destroyed = true
    else
      Gathering.gather_id(is_live and 'ids' or 'del', id)
      -- Its id may have been given to a new object.
      if not is_new then redis.call('ZREM', base .. ':gone', id) end
    end
  end
  if state == 'destroyed' and mode == 'reset' then
    redis.call('HDEL', base .. ':rec', id)
    redis.call('ZREM', base .. ':gone', id)
  else
    records[#records + 1] = id
    records[#records + 1] = cmsgpack.pack(record)
  end
  return 1
end

-- Write what was gathered.
local function flush()
  Gathering.write_gathered(note)
  for digest, list in pairs(originals) do Gathering.call_sliced('HSET', base .. ':' .. digest .. '$', list) end
  if #records > 0 then Gathering.call_sliced('HSET', base .. ':rec', records) end
  records, originals = {}, {}
end

local objects, ids = {}, {} -- the index in ARGV at which each begins
do
  local at = 5
  while at <= #ARGV do
    objects[#objects + 1], ids[#ids + 1] = at, ARGV[at]
    at = at + 5 + 3 * ARGV[at + 4]
    at = at + 1 + 2 * ARGV[at]
  end
end

local written, seen = 0, {}
for first = 1, #ids, Gathering.SLICE do
  local last = math.min(#ids, first + Gathering.SLICE - 1)
  local packed = redis.call('HMGET', base .. ':rec', unpack(ids, first, last))
  for i = first, last do
    local id, at, old = ids[i], objects[i], packed[i - first + 1]
    if seen[id] then
      flush()
      old = redis.call('HGET', base .. ':rec', id)
    end
    seen[id] = true
    old = old and Record.unpacked(old)
    written = written + write(id, tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3], old, at + 4)
  end
end
flush()
for i = 1, #texts, 2 do redis.call('ZADD', base .. ':text', 'GT', texts[i], texts[i + 1]) end

Packing.count_grown()
local counts = {} -- index -> number, value, number, value, ...
for name in pairs(touched) do
  -- Set, not incremented, so that a repeated or late apply leaves the true number.
  local index, value = base .. ':' .. name:sub(1, 8), name:sub(10)
  local number = cardinality_of(base .. ':' .. name)
  if number > 0 then
    local list = counts[index] or {}
    counts[index] = list
    list[#list + 1] = number
    list[#list + 1] = value
  else
    redis.call('ZREM', index .. '#', value)
    redis.call('HDEL', index .. '$', value)
  end
end
for index, list in pairs(counts) do Gathering.call_sliced('ZADD', index .. '#', list) end
Packing.finish_sets()

for range, change in pairs(sums) do
  -- '%.0f': Lua writes numbers from 10^14 on with an exponent, which HINCRBY does not take.
  local total = redis.pcall('HINCRBY', base .. ':sum', range, ('%.0f'):format(change))
  -- What is no number is no digest: the check and the rebuild compute it.
  if type(total) == 'table' then
    redis.call('HDEL', base .. ':sum', range)
  elseif total == 0 then redis.call('HDEL', base .. ':sum', range) end
end

if destroyed then
  local key, before = base .. ':gone', now - KEEP_TOMBSTONES
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', before, 'LIMIT', 0, 50)) do
    redis.call('HDEL', base .. ':rec', id)
    redis.call('ZREM', key, id)
  end
end

return { written, state_of_index[2] and 1 or 0, #texts > 0 and 1 or 0 }
