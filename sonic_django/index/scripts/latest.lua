-- The last ids of a packed set, the last first. Most pages begin with them.
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: the function latest
-- cost     stated with the functions
--
-- requires: packed ranks

local latest
do
  local AT_ONCE = 8 -- chunks whose counts are read together
  local FEW = 32 -- the most chunks that are read; if they do not suffice, ranks are quicker

  -- Ids of the first chunk keep their leading zeros: the client reads numbers.
  local function take_last_listed(set, chunk, skip, wanted, ids)
    local numbers = listed(set, chunk)
    for i = #numbers - skip, math.max(1, #numbers - skip - wanted + 1), -1 do
      ids[#ids + 1] = chunk .. numbers[i]:sub(2)
    end
  end

  local function take_last_bits(set, chunk, skip, wanted, ids)
    local text = bits_of(set, chunk)
    local form = chunk .. '%0' .. DIGITS .. 'd'
    for at = #text, 1, -1 do
      local byte = text:byte(at)
      if byte > 0 then
        for i = 8, 1, -1 do
          if math.floor(byte / BIT[i]) % 2 == 1 then
            if skip > 0 then
              skip = skip - 1
            else
              ids[#ids + 1], wanted = form:format(at * 8 - 9 + i), wanted - 1
              if wanted == 0 then return end
            end
          end
        end
      end
    end
  end

  -- The ``wanted`` ids after the skipped ones, or as many as there are; nil if they are far apart.
  function latest(set, skip, wanted)
    local ids = {}
    for first = set.top, math.max(0, set.top - FEW + 1), -AT_ONCE do
      local chunks = {}
      for chunk = first, math.max(0, first - AT_ONCE + 1), -1 do chunks[#chunks + 1] = text_of(chunk) end
      local counts = redis.call('HMGET', set.key, unpack(chunks))
      for i, chunk in ipairs(chunks) do
        if counts[i] then
          note_chunk(set, chunk, counts[i])
          local count = set.counts[chunk]
          if skip >= count then
            skip = skip - count
          else
            local take_part = set.kinds[chunk] == 'bits' and take_last_bits or take_last_listed
            take_part(set, chunk, skip, wanted - #ids, ids)
            skip = 0
            if #ids == wanted then return ids end
          end
        end
      end
      if chunks[#chunks] == '0' then return ids end
    end
  end
end
