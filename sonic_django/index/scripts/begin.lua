-- Begin or take over a rebuild of an index.
--
-- KEYS[1]  the model's base key
-- ARGV     1 name of the run, 2 fingerprint of the declaration, 3 id behind which it goes on, 4 rows
--          done, 5 seconds for which its progress is kept
-- returns  nothing
-- cost     O(indexes)
--
-- requires: members declaration

local key = base .. ':job'
redis.call('DEL', key)
declare(ARGV[2])
-- Set again by a write under another declaration, which tells the rebuild why it has failed.
redis.call('HDEL', base .. ':state', 'former')
redis.call('HSET', key, 'run', ARGV[1], 'fingerprint', ARGV[2], 'after', ARGV[3], 'done', ARGV[4])
redis.call('EXPIRE', key, ARGV[5])
