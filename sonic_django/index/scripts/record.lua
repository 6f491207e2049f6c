-- Records of objects, and the digests of ranges of ids.
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: the table Record, of functions that scripts share
-- cost     stated with the functions
--
-- requires: members

local Record
do
  -- A record from its bytes. What is no record is as one of version 0 without entries: each version of
  -- a row is later, so a check, a sweep or a rebuild writes it again.
  local function unpacked(packed)
    local is_read, record = pcall(cmsgpack.unpack, packed)
    if not is_read or type(record) ~= 'table' then return { 0, 0 } end
    local version, live = record[1], record[2]
    local is_one = type(version) == 'number' and version >= 0 and version < 2 ^ 63
    if not is_one or type(live) ~= 'number' or #record % 2 ~= 0 then return { 0, 0 } end
    for i = 3, #record do
      if type(record[i]) ~= 'string' then return { 0, 0 } end
    end
    return record
  end

  -- The record of an object: {version, live (1 or 0), set name, prefix, set name, prefix, ...}.
  local function read_record(id)
    local packed = redis.call('HGET', base .. ':rec', id)
    return packed and unpacked(packed)
  end

  -- Whether the record is the tombstone of a destroyed object.
  local function is_tombstone(id, record)
    return record[2] ~= 1 and redis.call('ZSCORE', base .. ':gone', id) ~= false
  end

  -- The digest of a range of a thousand ids is the sum of its objects' numbers, which SQL computes
  -- in the same way from the rows: see sonic_django/table/digests.py. Below 2^43, so exact.
  local function number_of(id, version, live)
    local text = ('%s:%.0f:%d'):format(id, version, live and 1 or 0)
    return tonumber(redis.sha1hex(text):sub(1, 8), 16)
  end

  -- By the digits, as a number in Lua cannot represent 64 bits.
  local function range_of(id)
    return #id > 3 and id:sub(1, -4) or '0'
  end

  Record = {
    unpacked = unpacked, read_record = read_record, is_tombstone = is_tombstone, number_of = number_of,
    range_of = range_of
  }
end
