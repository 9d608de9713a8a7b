import type { Redis as Client, RedisOptions } from 'ioredis';
import { checkString, wrongType } from '../check.js';
import { WorkerStartError } from '../errors.js';
import { EndingRedis } from './ending-redis.js';

/** Where Redis is: a URL (`redis://`, `rediss://`), options of ioredis, or an ioredis client, which is left alone: its options are used. */
export type BullConnection = string | RedisOptions | Client;

/** What callers, servers and `obliterate` have in common. */
export interface BullOptions {
  /** The name under which callers and servers find each other: any text without a colon. */
  name: string;
  connection: BullConnection;
  /** What all keys in Redis begin with. Default `'niceq'`. */
  prefix?: string;
}

/** Commands wait while the connection is down, and are sent again when it is back. */
const settings = { lazyConnect: true, maxRetriesPerRequest: null, enableOfflineQueue: true } as const;

export interface BullSettings {
  readonly name: string;
  readonly prefix: string;
  readonly connection: BullConnection;
}

export function checkBullOptions({ name, connection, prefix = 'niceq' }: BullOptions): BullSettings {
  checkString('name', name);
  if (name === '' || name.includes(':')) throw wrongType('name', 'a name without a colon', name);
  checkString('prefix', prefix);
  if (typeof connection !== 'string' && (typeof connection !== 'object' || connection === null)) {
    throw wrongType('connection', 'a URL, options of ioredis or a client of ioredis', connection);
  }
  const options = isClient(connection) ? connection.options : connection;
  if (typeof options === 'object' && options.keyPrefix) {
    throw wrongType(
      'connection.keyPrefix',
      "none, as BullMQ's scripts know nothing of it: use `prefix`",
      options.keyPrefix,
    );
  }
  return { name, prefix, connection };
}

/** A client that is not connected yet. */
export function makeClient(connection: BullConnection): Client {
  if (typeof connection === 'string') return new EndingRedis(connection, settings);
  return new EndingRedis({ ...(isClient(connection) ? connection.options : connection), ...settings });
}

/** Connects, or throws why it can't. */
export async function connect(client: Client): Promise<void> {
  let cause: unknown;
  const listener = (error: unknown) => {
    cause = error;
  };
  client.on('error', listener);
  try {
    await client.connect();
  } catch (error) {
    client.disconnect();
    throw cause ?? error;
  }
}

function isClient(connection: object | string): connection is Client {
  return typeof connection === 'object' && typeof (connection as Partial<Client>).duplicate === 'function';
}

/** Whether an error is that of a connection: what Redis or BullMQ complain of has none of Node's codes. */
export function isOfConnection(error: Error): boolean {
  return typeof (error as NodeJS.ErrnoException).code === 'string';
}

/** The error of a caller or server that can't reach Redis. */
export function startError(name: string, cause: unknown): WorkerStartError {
  const why = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : String(cause);
  return new WorkerStartError(`Redis can't be used for \`${name}\`: ${why}`, { cause });
}
