-- Note how far a rebuild has come, or that it has ended, if it is still the same rebuild.
--
-- KEYS[1]  the model's base key
-- ARGV     1 name of the run, 2 id behind which it was to go on by its last note
--          either 3 id behind which it goes on now, 4 rows done, 5 seconds for which this is kept
--          or     3 "built", then field and value of the state for each index, and for the token
-- returns  1, or 0 if the notes are those of another run, or older: Redis was emptied or set back,
--          code with another declaration has written, or another rebuild has begun
-- cost     O(indexes)

local key = KEYS[1] .. ':job'
local notes = redis.call('HMGET', key, 'run', 'after')
if notes[1] ~= ARGV[1] or notes[2] ~= ARGV[2] then return 0 end
if ARGV[3] == 'built' then
  redis.call('HSET', KEYS[1] .. ':state', unpack(ARGV, 4))
  redis.call('DEL', key)
else
  redis.call('HSET', key, 'after', ARGV[3], 'done', ARGV[4])
  redis.call('EXPIRE', key, ARGV[5])
end
return 1
