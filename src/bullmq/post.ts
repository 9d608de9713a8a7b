import type { Redis as Client } from 'ioredis';
import type { Keys } from './keys.js';

/** Puts messages into inboxes. What one member gets in a turn of the event loop is one entry of its inbox. */
export class Post {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #refused: (member: string, jobs: number[], error: Error | null) => void;
  /** The fields of the entry for each member: the task that a message is about, and the message. */
  #waiting = new Map<string, string[]>();
  /** Resolves with the next flush, for all who wait for it. */
  #written: Promise<void> | null = null;
  #onWritten = () => {};

  /**
   * `refused` is told of messages to a member that Redis did not take, and which tasks they were about. `error` is null
   * if the member has no inbox.
   */
  constructor(client: Client, keys: Keys, refused: (member: string, jobs: number[], error: Error | null) => void) {
    this.#client = client;
    this.#keys = keys;
    this.#refused = refused;
  }

  /** `job` is the task the message is about, also for a reader who can't make sense of the message. */
  send(member: string, job: number, message: string): void {
    const fields = this.#waiting.get(member);
    if (fields !== undefined) {
      fields.push(String(job), message);
      return;
    }
    // Not a microtask: a short task's start and its result are read in one go.
    if (this.#waiting.size === 0) setImmediate(() => this.#flush());
    this.#waiting.set(member, [String(job), message]);
  }

  /** Resolves when all that was sent before is on its way to Redis. */
  written(): Promise<void> {
    if (this.#waiting.size === 0) return Promise.resolve();
    this.#written ??= new Promise((resolve) => {
      this.#onWritten = resolve;
    });
    return this.#written;
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const [member, fields] of waiting) {
      const refused = (error: Error | null) => {
        const jobs = new Set(fields.filter((_, i) => i % 2 === 0).map(Number));
        this.#refused(member, [...jobs], error);
      };
      // Who is gone has no inbox any more, and must not get one again.
      this.#client.xadd(this.#keys.inbox(member), 'NOMKSTREAM', '*', ...fields).then((entry) => {
        if (entry === null) refused(null);
      }, refused);
    }
    this.#written = null;
    this.#onWritten();
  }
}
