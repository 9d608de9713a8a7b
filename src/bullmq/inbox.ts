import type { Redis as Client } from 'ioredis';

/** How many entries are read at a time. */
const COUNT = 100;
/** How long one read waits, in milliseconds: a connection that died unnoticed is noticed then. */
const BLOCK = 5000;

/**
 * Reads what comes into an inbox, in order, each once: an entry is removed when it has been read. While the connection
 * is down entries wait in Redis.
 */
export class Inbox {
  readonly #client: Client;
  readonly #key: string;
  readonly #receive: (job: number, message: string) => void;
  #last: string;
  #isClosed = false;

  /** `client` is this inbox' own, as it is always waiting; `last` is the entry after which it begins. */
  constructor(client: Client, key: string, last: string, receive: (job: number, message: string) => void) {
    this.#client = client;
    this.#key = key;
    this.#last = last;
    this.#receive = receive;
  }

  /** Reads until it is closed. */
  async read(trim: Client): Promise<void> {
    while (!this.#isClosed) {
      const streams = await this.#client
        .xread('COUNT', COUNT, 'BLOCK', BLOCK, 'STREAMS', this.#key, this.#last)
        .catch(() => null);
      for (const [, entries] of streams ?? []) {
        for (const [id, fields] of entries) {
          this.#last = id;
          for (let i = 0; i < fields.length && !this.#isClosed; i += 2) {
            this.#receive(Number(fields[i]), fields[i + 1] as string);
          }
        }
        trim.xdel(this.#key, ...entries.map(([id]) => id)).catch(() => {});
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#client.disconnect();
  }
}
