-- The forms of members: an id after its number of digits, in some sets after a prefix.
--
-- KEYS[1]  the model's base key, which is the local ``base`` from here on
-- ARGV     none of its own
-- returns  a part: functions that stay locals, as those of packed.lua, ranks.lua and ordered.lua do:
--          look-ups in tables took about a tenth of the time of a page
-- cost     stated with the functions

local base = KEYS[1]

local LENGTHS = '0123456789abcdefghijklmnopqrstuvwxyz'

-- The member of an id: the number of its digits, then its digits.
local function member_of(id)
  return LENGTHS:sub(#id + 1, #id + 1) .. id
end

-- The member's last part without the prefix. Reads only the end of a long text: an id of 64
-- bits takes 20 characters, and the character before it is neither digit nor letter.
local function bare(set, member)
  local first = member:byte(1)
  if set.kind == 'text' or first == 45 or first == 126 then -- 45 "-", 126 "~"
    return member:sub(-21):match('[^0-9a-z]([0-9a-z]+)$')
  end
  return member
end

local function id_of(set, member)
  return bare(set, member):sub(2)
end

-- Byte order. Lua's own "<" follows the locale of the server (strcoll).
local function less(a, b)
  local shorter, start = math.min(#a, #b), 1
  while shorter - start >= 64 and a:sub(start, start + 63) == b:sub(start, start + 63) do
    start = start + 64 -- long texts often begin alike
  end
  for i = start, shorter do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
