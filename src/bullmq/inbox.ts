import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis as Client } from 'ioredis';
import { isAfter } from './kept-updates.js';

/** A message that says nothing: without an entry there would be no inbox. */
const EMPTY = '';
/** How many entries are read at a time. */
const COUNT = 100;
/** How long one read waits, in milliseconds: a connection that died unnoticed is noticed then. */
const BLOCK = 5000;
/** How long it waits when Redis refuses to read, in milliseconds. */
const PAUSE = 500;

/** The last entry of a stream, without what it says. */
const LAST = `
local entry = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return entry and entry[1]
`;

/** Makes an inbox. Whoever has none gets no messages. */
export async function makeInbox(client: Client, key: string): Promise<void> {
  await client.xadd(key, '*', '0', EMPTY);
}

/**
 * Reads what comes into an inbox, in order, each once: an entry is removed when it has been read. While the connection
 * is down entries wait in Redis.
 */
export class Inbox {
  readonly #client: Client;
  readonly #key: string;
  readonly #receive: (job: number, message: string) => void;
  #last = '0-0';
  /** The read that goes on. Never rejects. */
  #round: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  /** `client` is this inbox' own, as it is always waiting. */
  constructor(client: Client, key: string, receive: (job: number, message: string) => void) {
    this.#client = client;
    this.#key = key;
    this.#receive = receive;
  }

  /** Reads until it is closed. */
  async read(trim: Client): Promise<void> {
    while (!this.#closing.signal.aborted) {
      this.#round = this.#readOn(trim);
      await this.#round;
    }
  }

  /** Resolves when all that is in it now was received. Throws if that can't be found out. */
  async received(client: Client): Promise<void> {
    const last = (await client.eval(LAST, 1, this.#key)) as string | null;
    while (last !== null && isAfter(last, this.#last)) {
      this.#closing.signal.throwIfAborted();
      await this.#round;
    }
  }

  async #readOn(trim: Client): Promise<void> {
    const streams = await this.#client
      .xread('COUNT', COUNT, 'BLOCK', BLOCK, 'STREAMS', this.#key, this.#last)
      .catch(() => this.#pause());
    for (const [, entries] of streams ?? []) {
      for (const [id, fields] of entries) {
        this.#last = id;
        for (let i = 0; i < fields.length && !this.#closing.signal.aborted; i += 2) {
          const message = fields[i + 1] as string;
          if (message !== EMPTY) this.#receive(Number(fields[i]), message);
        }
      }
      trim.xdel(this.#key, ...entries.map(([id]) => id)).catch(() => {});
    }
  }

  /** Without it a Redis that refuses at once, or a client that never connects again, would keep the program busy. */
  async #pause(): Promise<null> {
    await sleep(PAUSE, undefined, { ref: false, signal: this.#closing.signal }).catch(() => {});
    return null;
  }

  close(): void {
    this.#closing.abort();
    this.#client.disconnect();
  }
}
