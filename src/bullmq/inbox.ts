import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis as Client } from 'ioredis';
import { isAfter } from './kept-updates.js';

/** A message that says nothing: without an entry there would be no inbox. */
const EMPTY = '';
/** How many entries are read at a time. */
const COUNT = 100;
/** How long one read waits, in milliseconds: an inbox that Redis has dropped is noticed then. */
const BLOCK = 5000;
/** How long it waits when Redis refuses to read, in milliseconds. */
const PAUSE = 500;

/** The last entry of a stream, without what it says. */
const LAST = `
local entry = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return entry and entry[1]
`;

export interface InboxOwner {
  /** A message about this task. */
  receive(job: number, message: string): void;
  /** Nothing has come for a while: it may not be there any more. */
  idle(): void;
}

/**
 * Reads what comes into an inbox, in order, each once: an entry is removed when it has been read. While the connection
 * is down entries wait in Redis.
 */
export class Inbox {
  readonly #client: Client;
  readonly #reader: Client;
  readonly #key: string;
  readonly #owner: InboxOwner;
  #last = '0-0';
  /** How often it was made. */
  #makes = 0;
  /** The read that goes on. Never rejects. */
  #round: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  /** `reader` is this inbox' own, as it is always waiting. */
  constructor(client: Client, reader: Client, key: string, owner: InboxOwner) {
    this.#client = client;
    this.#reader = reader;
    this.#key = key;
    this.#owner = owner;
  }

  /** Makes it, unless it is there: whoever has none gets no messages. Resolves with whether it had to be made. */
  async make(): Promise<boolean> {
    if ((await this.#client.exists(this.#key)) === 1) return false;
    await this.#client.xadd(this.#key, '*', '0', EMPTY);
    this.#makes++;
    // What comes now need not be after what came before: another Redis may have taken over, whose clock is behind.
    this.#last = '0-0';
    return true;
  }

  /** Reads until it is closed. */
  async read(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      this.#round = this.#readOn();
      await this.#round;
    }
  }

  /** Resolves when all that is in it now was received. Throws if that can't be found out. */
  async received(): Promise<void> {
    const makes = this.#makes;
    const last = (await this.#client.eval(LAST, 1, this.#key)) as string | null;
    while (last !== null && isAfter(last, this.#last)) {
      this.#closing.signal.throwIfAborted();
      if (this.#makes !== makes) throw new Error('The inbox was made anew');
      await this.#round;
    }
  }

  async #readOn(): Promise<void> {
    const makes = this.#makes;
    const streams = await this.#reader
      .xread('COUNT', COUNT, 'BLOCK', BLOCK, 'STREAMS', this.#key, this.#last)
      .catch(() => this.#pause());
    // Made anew meanwhile it may hold what comes before what was asked for.
    if (this.#makes !== makes) return;
    if (streams === null) this.#owner.idle();
    for (const [, entries] of streams ?? []) {
      for (const [id, fields] of entries) {
        this.#last = id;
        for (let i = 0; i < fields.length && !this.#closing.signal.aborted; i += 2) {
          const message = fields[i + 1] as string;
          if (message !== EMPTY) this.#owner.receive(Number(fields[i]), message);
        }
      }
      this.#client.xdel(this.#key, ...entries.map(([id]) => id)).catch(() => {});
    }
  }

  /** Without it a Redis that refuses at once, or a client that never connects again, would keep the program busy. */
  async #pause(): Promise<null> {
    await sleep(PAUSE, undefined, { ref: false, signal: this.#closing.signal }).catch(() => {});
    return null;
  }

  close(): void {
    this.#closing.abort();
    this.#reader.disconnect();
  }
}
