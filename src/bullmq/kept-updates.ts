import type { Redis as Client } from 'ioredis';
import type { Keys } from './keys.js';

/** A call that every server runs before its first task. */
export interface KeptUpdate {
  /** Takes the place of an earlier one with the same key. */
  readonly key: string;
  readonly module: string;
  readonly name: string;
  /** The arguments, encoded. */
  readonly payload: string;
}

/** Keeps an update, in the place of those with the same key, in one step. */
const KEEP = `
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do
  if entry[2][2] == ARGV[1] then redis.call('XDEL', KEYS[1], entry[1]) end
end
return redis.call('XADD', KEYS[1], '*', 'key', ARGV[1], 'module', ARGV[2], 'name', ARGV[3], 'payload', ARGV[4])
`;

/** Keeps an update. Resolves with the id of its entry; later ones are greater. */
export async function keepUpdate(client: Client, keys: Keys, update: KeptUpdate): Promise<string> {
  const { key, module, name, payload } = update;
  return (await client.eval(KEEP, 1, keys.updates, key, module, name, payload)) as string;
}

export async function dropUpdate(client: Client, keys: Keys, entry: string): Promise<void> {
  await client.xdel(keys.updates, entry);
}

/** The updates kept after an entry, in order; '' for all. */
export async function readUpdates(client: Client, keys: Keys, after: string): Promise<[entry: string, KeptUpdate][]> {
  const entries = await client.xrange(keys.updates, after === '' ? '-' : `(${after}`, '+');
  return entries.map(([entry, fields]) => {
    const [, key = '', , module = '', , name = '', , payload = ''] = fields;
    return [entry, { key, module, name, payload }];
  });
}

/** Whether a text is the id of an entry, as Redis writes them. Those that it makes from the time are far shorter. */
export function isEntry(text: string): boolean {
  return /^(?:0|[1-9]\d{0,14})-(?:0|[1-9]\d{0,14})$/.test(text);
}

/** Whether an entry comes after another; '' is before all. */
export function isAfter(entry: string, other: string): boolean {
  if (entry === '' || other === '') return entry !== '' && other === '';
  const [time = 0, count = 0] = entry.split('-').map(Number);
  const [otherTime = 0, otherCount = 0] = other.split('-').map(Number);
  return time === otherTime ? count > otherCount : time > otherTime;
}
