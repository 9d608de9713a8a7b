import type { Redis as Client } from 'ioredis';
import type { Keys } from './keys.js';

/**
 * Takes a member's name off the list and removes its inbox. With the last one everything goes that is left under the
 * name except the kept updates: nobody waits for it. In one step, so that nobody can come in between.
 */
const LEAVE = `
local base = KEYS[1]
local members = base .. ':members'
for _, member in ipairs(ARGV) do
  redis.call('HDEL', members, member)
  redis.call('DEL', base .. ':inbox:' .. member)
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
if redis.call('XLEN', base .. ':updates') == 0 then redis.call('DEL', base .. ':updates') end
return 1
`;

/** Some members leave, or are found to be gone. Resolves with whether they were the last. */
export async function leave(client: Client, keys: Keys, members: readonly string[]): Promise<boolean> {
  return (await client.eval(LEAVE, 1, keys.base, ...members)) === 1;
}
