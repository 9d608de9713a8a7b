import type { Redis as Client, RedisOptions } from 'ioredis';
import { checkNumber, checkString, wrongType } from '../check.js';
import { WorkerStartError } from '../errors.js';
import { EndingRedis } from './ending-redis.js';
import { Redis } from './peers.js';
import { isRedisUrl, REDIS_URL, withoutSecrets } from './redis-url.js';

/** Where Redis is: a URL (`redis://`, `rediss://`), options of ioredis, or an ioredis client, which is left alone: its options are used. No Cluster. */
export type BullConnection = string | RedisOptions | Client;

/** What callers, servers and `obliterate` have in common. */
export interface BullOptions {
  /** The name under which callers and servers find each other: any text without a colon. */
  name: string;
  connection: BullConnection;
  /** What all keys in Redis begin with. Default `'niceq'`. */
  prefix?: string;
}

/** Commands wait while the connection is down, and are sent again when it is back, however long that takes. */
const settings = { lazyConnect: true, maxRetriesPerRequest: null, enableOfflineQueue: true } as const;

/**
 * After so many milliseconds without a word the system asks whether the other end is still there, unless the user has said
 * when: most connections only wait, and would never learn that it went without one. It answers for a busy program, too.
 */
const KEEP_ALIVE = 10_000;

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
  if (typeof connection === 'string' && !isRedisUrl(connection)) {
    throw wrongType('connection', REDIS_URL, withoutSecrets(connection));
  }
  if ((connection as Partial<Client>).isCluster) {
    throw new TypeError(
      'Expected `connection` to be a single Redis, or one that Sentinel finds, got a Cluster of ioredis: give the URL of one Redis',
    );
  }
  const { keyPrefix } = optionsOf(connection);
  if (keyPrefix) {
    throw wrongType('connection.keyPrefix', "none, as BullMQ's scripts know nothing of it: use `prefix`", keyPrefix);
  }
  return { name, prefix, connection };
}

/** A day, in milliseconds: several times as long still fits a timer. */
const MAX_GRACE = 86_400_000;

/** How long another one may be missing, in milliseconds. */
export function checkGrace(grace: unknown): number {
  return checkNumber('grace', grace, 1, MAX_GRACE);
}

/** A client that is not connected yet. */
export function makeClient(connection: BullConnection): Client {
  const options = optionsOf(connection);
  return new EndingRedis({
    ...options,
    ...settings,
    // In a URL it is text, which ioredis passes over.
    keepAlive: Number(options.keepAlive) || KEEP_ALIVE,
    retryStrategy: persistent(options.retryStrategy),
  });
}

/** The options of a connection. Those in a URL have no precedence over ours, so it is read first. */
function optionsOf(connection: BullConnection): RedisOptions {
  if (typeof connection === 'string') return new Redis(connection, { lazyConnect: true }).options;
  return isClient(connection) ? connection.options : connection;
}

type RetryStrategy = NonNullable<RedisOptions['retryStrategy']>;

/** Tries to connect again when the user's strategy says so, and as ioredis does it where that would give up. */
function persistent(strategy: RedisOptions['retryStrategy']): RetryStrategy {
  return (times) => {
    const delay = typeof strategy === 'function' ? strategy(times) : null;
    return typeof delay === 'number' ? delay : Math.min(times * 50, 2000);
  };
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
export function startError(
  { name, connection }: Pick<BullSettings, 'name' | 'connection'>,
  cause: unknown,
): WorkerStartError {
  const { code } = Object(cause) as NodeJS.ErrnoException;
  const why = cause instanceof Error ? cause.message || code : String(cause);
  return new WorkerStartError(`Redis can't be used for \`${name}\`: ${why}${hint(connection, code)}`, { cause });
}

/** What the system says of a Redis that was spoken to with TLS, or without, and expects the other. */
function hint(connection: BullConnection, code: string | undefined): string {
  const { tls } = optionsOf(connection);
  if (tls && code === 'ETIMEDOUT') return '. It was spoken to with TLS: use `redis://` if it has none';
  if (!tls && code === 'ECONNRESET') return '. It was spoken to without TLS: use `rediss://` if it expects that';
  return '';
}
