-- Take objects out of sets in which their records do not have them.
--
-- KEYS[1]  the model's base key
-- ARGV     1 ids (comma separated), then set names; of sets whose members are plain ids
-- returns  number of entries removed
-- cost     O(ids * sets * log n)

local removed = 0
for id in ARGV[1]:gmatch('[^,]+') do
  local record, named = read_record(id) or {}, {}
  for i = 3, #record, 2 do named[record[i]] = true end
  for i = 2, #ARGV do
    local name = ARGV[i]
    if not named[name] and redis.call('ZSCORE', base .. ':' .. name, member_of(id)) then
      removed = removed + remove(base .. ':' .. name, member_of(id))
      local index, value = base .. ':' .. name:sub(1, 8), name:sub(10)
      if redis.call('ZSCORE', index .. '#', value) then
        local number = redis.call('ZCARD', base .. ':' .. name)
        if number > 0 then add(index .. '#', number, value) else remove(index .. '#', value) end
      end
    end
  end
end
return removed
