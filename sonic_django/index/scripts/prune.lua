-- Remove objects from the sets that their records do not name.
--
-- KEYS[1]  the model's base key
-- ARGV     1 ids (comma separated), then set names; of sets whose members are plain ids
-- returns  number of entries removed
-- cost     O(ids * sets * log n)
--
-- requires: members packed packing record

local function names_of(id)
  local record, names = Record.read_record(id), {}
  if not record then return names end
  for i = 3, #record, 2 do names[record[i]] = true end
  if record[2] == 1 then
    names.ids = true
  elseif not redis.call('ZSCORE', base .. ':gone', id) then
    names.del = true
  end
  return names
end

-- Update the count of a value, if the index has one.
local function note(name)
  local numbers, value = base .. ':' .. name:sub(1, 8) .. '#', name:sub(10)
  if not redis.call('ZSCORE', numbers, value) then return end
  local number = cardinality_of(base .. ':' .. name)
  if number > 0 then
    redis.call('ZADD', numbers, number, value)
  else
    redis.call('ZREM', numbers, value)
  end
end

local removed = 0
for id in ARGV[1]:gmatch('[^,]+') do
  local names = names_of(id)
  for i = 2, #ARGV do
    local name = ARGV[i]
    if not names[name] and Packing.remove(base .. ':' .. name, '', id) == 1 then
      removed = removed + 1
      note(name)
    end
  end
end
Packing.finish_sets()
return removed
