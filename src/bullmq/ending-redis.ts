import type { Socket } from 'node:net';
import type { RedisOptions } from 'ioredis';
import { Redis } from './peers.js';

/** What ioredis keeps to itself. */
interface Unanswered {
  /** What was sent before the connection broke, to be sent again with the next one. */
  prevCommandQueue?: { shift(): { readonly command: { reject(error: Error): void } } | undefined } | null;
}

/**
 * A client that ends when it is told to. One of ioredis that waits to connect again does not: nobody hears of its end.
 * And what it had sent before, and would send again, stays pending for ever.
 *
 * Nor does it end the program. ioredis listens to one error of a connection; one of TLS that has ended while it was being
 * made may have two: that the certificate is not trusted, and that the other side complains.
 */
export class EndingRedis extends Redis {
  constructor(options: RedisOptions) {
    super(options);
    let current: Socket | undefined;
    // Nobody is told of a new stream before it may have failed.
    Object.defineProperty(this, 'stream', {
      get: () => current,
      set: (stream: Socket) => {
        stream.on('error', () => {});
        current = stream;
      },
    });
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) {
      // For the end of a connection that has ended it would wait in vain, for two seconds.
      if (this.status === 'end') return;
      // There is no connection to end, just as there is none before the first.
      if (this.status === 'reconnecting') this.status = 'wait';
      this.#rejectUnanswered();
    }
    super.disconnect(reconnect);
  }

  /** A password that Redis refuses stands in the error, among what was sent. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    const [error] = event === 'error' ? args : [];
    if (error instanceof Error) delete (error as { command?: unknown }).command;
    return super.emit(event, ...args);
  }

  /** BullMQ makes its own connection so. */
  override duplicate(override?: Partial<RedisOptions>): EndingRedis {
    return new EndingRedis({ ...this.options, ...override });
  }

  #rejectUnanswered(): void {
    const { prevCommandQueue } = this as unknown as Unanswered;
    const error = new Error('Connection is closed.');
    for (let item = prevCommandQueue?.shift(); item !== undefined; item = prevCommandQueue?.shift()) {
      item.command.reject(error);
    }
  }
}
