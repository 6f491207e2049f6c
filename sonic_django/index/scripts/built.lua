-- Whether indexes are built.
--
-- KEYS[1]  the model's base key
-- ARGV     none of its own
-- returns  a part: the function unbuilt
-- cost     stated with the functions

-- The first of the digests (comma separated) whose index is not built, all of them; or nil.
local function unbuilt(digests)
  local names = {}
  for name in digests:gmatch('[^,]+') do names[#names + 1] = name end
  local states = redis.call('HMGET', KEYS[1] .. ':state', unpack(names))
  local missing = {}
  for i, name in ipairs(names) do
    if not states[i] then missing[#missing + 1] = name end
  end
  if #missing > 0 then return missing end
end
