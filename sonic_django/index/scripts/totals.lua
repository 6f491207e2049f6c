-- The number of all objects, or of those of one posting, is answered here: before any function is
-- made, which takes longer than the answer. Arguments and answer are those of query.lua.

if ARGV[1] == 'count' and ARGV[9] == '' and ARGV[10] == '1' and ARGV[12] == ARGV[7]
  and ARGV[14] == '' and ARGV[16] == '' and ARGV[18] == '0'
  and (#ARGV == 18 or (#ARGV == 25 and ARGV[19] == 'p' and ARGV[21] == 'id'
    and ARGV[22] == '' and ARGV[24] == '')) then
  local names, missing = {}, { 'unbuilt' }
  for name in ARGV[2]:gmatch('[^,]+') do names[#names + 1] = name end
  local states = redis.call('HMGET', KEYS[1] .. ':state', unpack(names))
  for i = 1, #names do
    if not states[i] then missing[#missing + 1] = names[i] end
  end
  if #missing > 1 then return missing end
  local facts, number = {}, nil
  for i = 12, #ARGV == 18 and 12 or 20, 8 do
    local key = KEYS[1] .. ':' .. ARGV[i]
    if redis.call('TYPE', key).ok == 'hash' then -- a packed set
      number = tonumber(redis.call('HGET', key, 'n'))
    else
      number = redis.call('ZCARD', key)
    end
    facts[#facts + 1], facts[#facts + 2] = ARGV[i], number
  end
  return { 'built', 'cardinality', '', 0, number, {}, { facts[2], 1, facts } }
end
