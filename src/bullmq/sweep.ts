import type { Redis as Client } from 'ioredis';
import type { Keys } from './keys.js';

/**
 * Takes a member's name off the list and removes its inbox, unless somebody else says that it is gone while it is there:
 * it may just have come back. With the last one everything goes that is left under the name except the kept updates:
 * nobody waits for it. In one step, so that nobody can come in between. Its keys have to be such as an ACL may name that
 * confines a user to the queue's.
 */
const LEAVE = `
local base = ARGV[1]
local members, updates = KEYS[1], KEYS[2]
-- The one that leaves by itself; '' if none does.
local own = ARGV[2]
for i = 2, #ARGV do
  local member = ARGV[i]
  if member == own or redis.call('PUBSUB', 'NUMSUB', base .. ':presence:' .. member)[2] == 0 then
    redis.call('HDEL', members, member)
    redis.call('DEL', base .. ':inbox:' .. member)
  end
end
if redis.call('HLEN', members) > 0 then return 0 end
local function removeJobs(ids)
  for _, id in ipairs(ids) do redis.call('DEL', base .. ':' .. id, base .. ':' .. id .. ':lock', base .. ':' .. id .. ':logs') end
end
for _, list in ipairs({ 'wait', 'paused', 'active' }) do removeJobs(redis.call('LRANGE', base .. ':' .. list, 0, -1)) end
for _, set in ipairs({ 'prioritized', 'delayed', 'completed', 'failed', 'waiting-children' }) do
  removeJobs(redis.call('ZRANGE', base .. ':' .. set, 0, -1))
end
for _, key in ipairs({
  'wait', 'paused', 'active', 'prioritized', 'delayed', 'completed', 'failed', 'waiting-children', 'stalled',
  'stalled-check', 'limiter', 'id', 'pc', 'marker', 'events', 'meta', 'repeat', 'de',
}) do redis.call('DEL', base .. ':' .. key) end
if redis.call('XLEN', updates) == 0 then redis.call('DEL', updates) end
return 1
`;

/** A member leaves. Resolves with whether it was the last. */
export async function leave(client: Client, keys: Keys, member: string): Promise<boolean> {
  return (await client.eval(LEAVE, 2, keys.members, keys.updates, keys.base, member)) === 1;
}

/** Some members were found to be gone. */
export async function sweep(client: Client, keys: Keys, members: readonly string[]): Promise<void> {
  await client.eval(LEAVE, 2, keys.members, keys.updates, keys.base, '', ...members);
}
