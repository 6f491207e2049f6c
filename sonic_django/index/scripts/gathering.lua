-- Additions to sets, gathered for all objects of a run, so that each set is written once.
--
-- Removals are not gathered but made at once: an object that comes twice needs write_gathered() in
-- between, or the entries of its first version would be added after the second has removed them.
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: the table Gathering, of functions that scripts share
-- cost     stated with the functions
--
-- requires: members packed packing

local Gathering
do
  local add_id, count_change, grown, to_bits =
    Packing.add_id, Packing.count_change, Packing.grown, Packing.to_bits

  local SLICE = 1000 -- arguments of a call: Lua's stack takes some thousands
  local WINDOW = 4 -- bytes of a bitmap that are read and written as fast as one bit is set

  local gathered_ids, gathered_members = {}, {} -- set name -> ids; -> score, member, score, ...

  local function gather_id(name, id)
    local ids = gathered_ids[name]
    if ids then ids[#ids + 1] = id else gathered_ids[name] = { id } end
  end

  local function gather_member(name, score, member)
    local list = gathered_members[name]
    if list then
      list[#list + 1] = score
      list[#list + 1] = member
    else
      gathered_members[name] = { score, member }
    end
  end

  -- The sum of the replies.
  local function call_sliced(command, key, list)
    if #list <= SLICE then return redis.call(command, key, unpack(list)) end
    local sum = 0
    for first = 1, #list, SLICE do
      sum = sum + redis.call(command, key, unpack(list, first, math.min(#list, first + SLICE - 1)))
    end
    return sum
  end

  -- Set bits; returns how many were not set. Bits that are close together are set in one range of bytes.
  local function set_bits(key, offsets)
    local added = 0
    local first, last = math.min(unpack(offsets)), math.max(unpack(offsets))
    first, last = math.floor(first / 8), math.floor(last / 8)
    if last - first < WINDOW * #offsets then
      -- A bitmap has its full length from the beginning.
      local bytes = { redis.call('GETRANGE', key, first, last):byte(1, -1) }
      for i = 1, #offsets do
        local index, bit = math.floor(offsets[i] / 8) - first + 1, BIT[offsets[i] % 8 + 1]
        if math.floor(bytes[index] / bit) % 2 == 0 then
          bytes[index], added = bytes[index] + bit, added + 1
        end
      end
      if added > 0 then redis.call('SETRANGE', key, first, string.char(unpack(bytes))) end
    else
      for i = 1, #offsets do added = added + 1 - redis.call('SETBIT', key, offsets[i], 1) end
    end
    return added
  end

  -- Add ids of one chunk; returns how many are new.
  local function packed_add_chunk(set, chunk, offsets)
    local key, kind, added = set.key .. '#' .. chunk, kind_of(set, chunk), nil
    if kind == 'bits' then
      added = set_bits(key, offsets)
    else
      -- A chunk without a count is empty: a key that is left there is not part of the set.
      if kind == 'none' then redis.call('DEL', key) end
      for i = 1, #offsets do offsets[i] = SPAN + offsets[i] end
      added = redis.call('SADD', key, unpack(offsets))
      set.kinds[chunk] = 'set'
      if set.counts[chunk] + added > BITS_FROM then to_bits(set, chunk) end
    end
    if added > 0 then count_change(set, chunk, added) end
    return added
  end

  -- Add ids; returns how many are new. O(1) an id.
  local function packed_add_many(set, ids)
    local added, offsets, present = 0, {}, nil
    for i = 1, #ids do
      local chunk, offset = split(ids[i])
      if (present and chunk ~= present) or #offsets == SLICE then
        added = added + packed_add_chunk(set, present, offsets)
        offsets = {}
      end
      present, offsets[#offsets + 1] = chunk, offset
    end
    return added + packed_add_chunk(set, present, offsets)
  end

  -- Add plain ids to a set; returns how many are new.
  local function add_ids(key, ids)
    if #ids == 1 then return add_id(key, ids[1]) end
    local packed = open_packed(key, chunk_of(ids[1]))
    if packed then return packed_add_many(packed, ids) end
    local list = {}
    for i = 1, #ids do list[2 * i - 1], list[2 * i] = ids[i], member_of(ids[i]) end
    local added = call_sliced('ZADD', key, list)
    if added > 0 then grown[key] = (grown[key] or 0) + added end
    return added
  end

  -- Make all the additions; note(name) is called for each set of ids that has new ones.
  local function write_gathered(note)
    for name, ids in pairs(gathered_ids) do
      if add_ids(base .. ':' .. name, ids) > 0 then note(name) end
    end
    for name, list in pairs(gathered_members) do call_sliced('ZADD', base .. ':' .. name, list) end
    gathered_ids, gathered_members = {}, {}
  end

  Gathering = {
    SLICE = SLICE, gather_id = gather_id, gather_member = gather_member,
    call_sliced = call_sliced, write_gathered = write_gathered
  }
end
