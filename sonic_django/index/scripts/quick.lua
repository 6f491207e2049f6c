-- A page in the order of the ids, of all objects or of those of one posting, is answered here:
-- before query.lua makes the functions for all other questions, which takes longer than the answer.
-- Arguments and answer are those of query.lua.

-- Whether from an argument on there is a whole set of plain ids.
local function is_whole(first)
  return ARGV[first] == 'p' and ARGV[first + 2] == 'id' and ARGV[first + 3] == '' and ARGV[first + 5] == ''
end

local is_quick = ARGV[1] == 'ids' and ARGV[4] ~= '0'
  and ARGV[9] == '' and ARGV[10] == '1' and ARGV[12] == ARGV[7] and is_whole(11)
  and ARGV[18] == '0' and (#ARGV == 18 or (#ARGV == 25 and is_whole(19)))

if is_quick then
  local missing = unbuilt(ARGV[2])
  if missing then return { 'unbuilt', unpack(missing) } end
  local universe = { key = base .. ':' .. ARGV[7], kind = 'id' }
  universe.card = size(universe)
  local set, sets = universe, { ARGV[7], universe.card }
  if #ARGV > 18 then
    set = { key = base .. ':' .. ARGV[20], kind = 'id' }
    set.card = size(set)
    sets[3], sets[4] = ARGV[20], set.card
  end
  local facts = { universe.card, 1, sets }
  local offset, limit = tonumber(ARGV[3]), tonumber(ARGV[4])
  local stop = limit < 0 and set.card or math.min(offset + limit, set.card)
  if stop - offset <= tonumber(ARGV[8]) then
    local descending = ARGV[6] == 'desc'
    local low, high = offset, stop
    if descending then low, high = set.card - stop, set.card - offset end
    local members = by_rank(set, low, high, descending)
    for i = 1, #members do members[i] = members[i]:sub(2) end
    return { 'built', 'page', '', #members, table.concat(members, ','), {}, facts }
  end
end
