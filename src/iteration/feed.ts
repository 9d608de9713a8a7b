import { pipeline } from 'node:stream/promises';
import { wrongType } from '../check.js';

/** What can take the items of an iteration, besides a stream. */
export interface ItemConsumer<T = unknown> {
  /** Takes an item. A promise it returns is awaited before the next one. */
  write(item: T): unknown;
  /** No more items come. */
  end?(): unknown;
  /** Something went wrong: no more items come. */
  abort?(error: unknown): unknown;
}

/** Takes the items of a task that returns an iterator, with back pressure. */
// biome-ignore lint/suspicious/noExplicitAny: the types of Node's and the web's streams accept any item.
export type Consumer<T = any> = ItemConsumer<T> | WritableStream<T> | NodeJS.WritableStream;

/** Throws a TypeError for anything that is no consumer. */
export function checkConsumer(consumer: unknown): Consumer {
  const { write, getWriter } = (consumer ?? {}) as { write?: unknown; getWriter?: unknown };
  if (typeof write === 'function' || typeof getWriter === 'function') return consumer as Consumer;
  throw wrongType('consumer', 'a WritableStream, a Writable, or an object with a `write` method', consumer);
}

/**
 * Writes the items to the consumer. Resolves when it has finished; rejects when it or the iteration has failed, and
 * then it has been aborted and the iteration closed.
 */
export async function feed(items: AsyncIterable<unknown>, consumer: Consumer): Promise<void> {
  if (isStream(consumer)) {
    const iterator = items[Symbol.asyncIterator]();
    try {
      await pipeline({ [Symbol.asyncIterator]: () => iterator }, consumer as NodeJS.WritableStream);
    } finally {
      // The pipeline leaves it only some time after it has rejected.
      await iterator.return?.().catch(() => {});
    }
    return;
  }
  try {
    for await (const item of items) await consumer.write(item);
  } catch (error) {
    await consumer.abort?.(error);
    throw error;
  }
  await consumer.end?.();
}

/** Tells a consumer to which nothing was written that nothing will be. */
export async function abortConsumer(consumer: Consumer, error: unknown): Promise<void> {
  await feed(failing(error), consumer).catch(() => {});
}

// biome-ignore lint/correctness/useYield: it fails before its first item.
async function* failing(error: unknown): AsyncGenerator<never> {
  throw error;
}

function isStream(consumer: Consumer): consumer is WritableStream | NodeJS.WritableStream {
  return 'getWriter' in consumer || ('on' in consumer && 'end' in consumer && typeof consumer.on === 'function');
}
