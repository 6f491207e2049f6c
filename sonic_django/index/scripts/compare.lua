-- Compare the entries of some objects with those that they should have. Writes nothing.
--
-- KEYS[1]  the model's base key
-- ARGV     1 the digests to compare (comma separated), then for each object as in apply.lua
-- returns  for each object that differs: {id, version of its record or -1 if it has none,
--          kind of difference, name of the set, kind, name, ...}; only id and version where
--          the version differs
-- cost     O(entries * log n) an object
--
-- requires: members packed record arguments

local compared = {}
for digest in ARGV[1]:gmatch('[^,]+') do compared[digest] = true end

local function score_of(name, member)
  return score_in(base .. ':' .. name, member)
end

local function compare(id, version, state, entries, originals)
  local record = Record.read_record(id)
  if record and Record.is_tombstone(id, record) then record = nil end
  if not record or record[1] ~= version then return { id, record and record[1] or -1 } end
  local found = { id, version }
  local function differs(kind, name)
    found[#found + 1] = kind
    found[#found + 1] = name
  end

  local member, named, wanted = member_of(id), {}, {}
  for i = 3, #record, 2 do named[record[i]] = record[i + 1] end
  for _, entry in ipairs(entries) do
    local name, score, prefix = entry[1], entry[2], entry[3]
    if compared[name:sub(1, 8)] then
      wanted[name] = true
      if named[name] ~= prefix then differs('record', name) end
      local score_found = score_of(name, prefix .. member)
      if not score_found then
        differs('missing entry', name)
      elseif tonumber(score_found) ~= tonumber(score == '' and id or score) then
        differs('wrong score', name)
      end
    end
  end
  for name in pairs(named) do
    if compared[name:sub(1, 8)] and not wanted[name] then differs('record', name) end
  end
  for _, pair in ipairs(originals) do
    local name = pair[1]:sub(1, 8)
    if compared[name] and redis.call('HGET', base .. ':' .. name .. '$', pair[1]:sub(10)) ~= pair[2] then
      differs('missing entry', name .. '$')
    end
  end

  if record[2] ~= (state == 'live' and 1 or 0) then differs('record', 'state') end
  local own = { live = 'ids', deleted = 'del' }
  for _, name in pairs(own) do
    local score_found = score_of(name, member)
    if name == own[state] then
      if not score_found then
        differs('missing entry', name)
      elseif tonumber(score_found) ~= tonumber(id) then
        differs('wrong score', name)
      end
    elseif score_found then
      differs('stale entry', name)
    end
  end
  if state == 'live' and score_of('gone', id) then differs('stale entry', 'gone') end
  return #found > 2 and found
end

at = 2
local different = {}
while at <= #ARGV do
  local id, version, state = Arguments.take(), tonumber(Arguments.take()), Arguments.take()
  Arguments.take() -- whether full text changed
  local entries, originals = Arguments.take_many(3), Arguments.take_many(2)
  different[#different + 1] = compare(id, version, state, entries, originals) or nil
end
return different
