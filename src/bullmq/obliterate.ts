import { type BullOptions, checkBullOptions, connect, makeClient } from './connection.js';
import { Keys } from './keys.js';

/**
 * Removes everything that Redis has under a name, kept updates too. For when nobody uses the name any more: tasks of
 * callers that are still there would never end.
 *
 * @throws TypeError for an invalid option; what ioredis throws if Redis can't be reached.
 *
 * @example
 * ```ts
 * await obliterate({ name: 'archive', connection: redis });
 * ```
 */
export async function obliterate(options: BullOptions): Promise<void> {
  const { connection, prefix, name } = checkBullOptions(options);
  const client = makeClient(connection);
  await connect(client);
  try {
    const { base } = new Keys(prefix, name);
    // In a pattern some characters have a meaning of their own.
    const pattern = `${base.replace(/[\\*?[\]]/g, '\\$&')}:*`;
    for await (const keys of client.scanStream({ match: pattern, count: 1000 }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await client.unlink(...keys);
    }
  } finally {
    client.disconnect();
  }
}
