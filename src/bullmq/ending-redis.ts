import type { RedisOptions } from 'ioredis';
import { Redis } from './peers.js';

/**
 * A client that ends when it is told to. One of ioredis that waits to connect again does not: its commands stay pending
 * for ever, and nobody hears of its end.
 */
export class EndingRedis extends Redis {
  override disconnect(reconnect = false): void {
    // There is no connection to end, just as there is none before the first.
    if (!reconnect && this.status === 'reconnecting') this.status = 'wait';
    super.disconnect(reconnect);
  }

  /** BullMQ makes its own connection so. */
  override duplicate(override?: Partial<RedisOptions>): EndingRedis {
    return new EndingRedis({ ...this.options, ...override });
  }
}
