import type { Redis as Client } from 'ioredis';
import type { Keys } from './keys.js';

interface Letter {
  readonly job: number;
  readonly message: string;
}

/** Puts messages into inboxes. What one member gets in a turn of the event loop is one entry of its inbox. */
export class Post {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #refused: (member: string, jobs: number[], error: Error | null) => void;
  #waiting = new Map<string, Letter[]>();
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
    const letters = this.#waiting.get(member);
    if (letters !== undefined) {
      letters.push({ job, message });
      return;
    }
    // Not a microtask: a short task's start and its result are read in one go.
    if (this.#waiting.size === 0) setImmediate(() => this.#flush());
    this.#waiting.set(member, [{ job, message }]);
  }

  /** Resolves when all that was sent before is on its way to Redis. */
  async written(): Promise<void> {
    if (this.#waiting.size === 0) return;
    this.#written ??= new Promise((resolve) => {
      this.#onWritten = resolve;
    });
    await this.#written;
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const [member, letters] of waiting) {
      const fields = letters.flatMap(({ job, message }) => [String(job), message]);
      const refused = (error: Error | null) =>
        this.#refused(member, [...new Set(letters.map(({ job }) => job))], error);
      // Who is gone has no inbox any more, and must not get one again.
      this.#client.xadd(this.#keys.inbox(member), 'NOMKSTREAM', '*', ...fields).then((entry) => {
        if (entry === null) refused(null);
      }, refused);
    }
    this.#written = null;
    this.#onWritten();
  }
}
