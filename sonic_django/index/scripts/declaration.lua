-- The declaration under which an index is written.
--
-- KEYS     those of the script
-- ARGV     none of its own
-- returns  a part: the function declare
-- cost     O(indexes)
--
-- requires: members

-- Note that the index is written under a declaration, given by its fingerprint, from now on.
--
-- Writes under it do not update an index that it lacks. That index is then no longer built: code that
-- declares it (older code still running, or a later change) must rebuild it. For the same reason a
-- rebuild under another declaration has failed: what is written now may be behind its position.
local function declare(fingerprint)
  local key = base .. ':state'
  local former = redis.call('HGET', key, 'writer')
  if former == fingerprint then return end
  local mine = { writer = true, former = true, ['all:' .. fingerprint] = true }
  for digest in fingerprint:gmatch('[^-]+') do mine[digest] = true end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local kind = field:match('^(%a+):')
    if not mine[field] and kind ~= 'prefixed' and kind ~= 'token' then redis.call('HDEL', key, field) end
  end
  redis.call('HSET', key, 'writer', fingerprint)
  if former then redis.call('HSET', key, 'former', former) end
  if redis.call('HGET', base .. ':job', 'fingerprint') ~= fingerprint then
    redis.call('HDEL', base .. ':job', 'run', 'fingerprint', 'after', 'done')
  end
end
