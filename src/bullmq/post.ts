import type { Redis as Client } from 'ioredis';

/** Puts messages into inboxes. What one inbox gets in a turn of the event loop is one entry of its stream. */
export class Post {
  readonly #client: Client;
  readonly #failed: (error: unknown) => void;
  #waiting = new Map<string, string[]>();

  constructor(client: Client, failed: (error: unknown) => void) {
    this.#client = client;
    this.#failed = failed;
  }

  /** `job` is the task the message is about, also for a reader who can't make sense of the message. */
  send(inbox: string, job: number, message: string): void {
    const messages = this.#waiting.get(inbox);
    if (messages !== undefined) {
      messages.push(String(job), message);
      return;
    }
    // Not a microtask: a short task's start and its result are read in one go.
    if (this.#waiting.size === 0) setImmediate(() => this.#flush());
    this.#waiting.set(inbox, [String(job), message]);
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const [inbox, messages] of waiting) {
      // Who is gone has no inbox any more, and must not get one again.
      this.#client.xadd(inbox, 'NOMKSTREAM', '*', ...messages).catch(this.#failed);
    }
  }
}
