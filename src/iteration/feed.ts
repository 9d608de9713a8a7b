import { wrongType } from '../check.js';
import { isThenable } from '../tasks/thenable.js';
import { within } from '../within.js';
import type { TaskIterator } from './iteration.js';
import { type Sink, sinkOf } from './sinks.js';

/** How long a generator may take to end when its consumer has failed, before the caller hears of it, in milliseconds. */
const PATIENCE = 1000;

/** What can take the items of an iteration, besides a stream. */
export interface ItemConsumer<T = unknown> {
  /** Takes an item. A promise it returns is awaited before the next one. */
  write(item: T): unknown;
  /** No more items come. */
  end?(): unknown;
  /** Something went wrong, or the call was cancelled: no more items come. It may be told so while it writes or ends. */
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

/** What a consumer is given: items, or with null nothing but the end. */
export class Feed {
  readonly #items: TaskIterator | null;
  readonly #consumer: Consumer;
  #sink: Sink | null = null;

  constructor(items: TaskIterator | null, consumer: Consumer) {
    this.#items = items;
    this.#consumer = consumer;
  }

  /**
   * Resolves when the consumer has finished. Rejects when it or the iteration has failed, or the feed is aborted: then
   * the consumer is told to abort, which is not waited for, and the iteration to end, which is, but no longer than it
   * may hang.
   */
  async run(): Promise<void> {
    try {
      this.#sink = sinkOf(this.#consumer);
      await writeAll(this.#items, this.#sink);
    } catch (error) {
      if (this.#items !== null) await within(PATIENCE, this.#items.abort(error));
      throw error;
    }
  }

  abort(reason: unknown): void {
    this.#sink?.broke(reason);
  }
}

async function writeAll(items: TaskIterator | null, sink: Sink): Promise<void> {
  try {
    while (items !== null) {
      const { value, done } = await sink.during(items.next());
      if (done) break;
      const written = sink.write(value);
      if (isThenable(written)) await sink.during(written);
    }
    await sink.during(sink.end());
  } catch (error) {
    void abort(sink, error);
    throw error;
  }
}

/** Tells a consumer to which nothing was written that nothing will be. */
export function abortConsumer(consumer: Consumer, error: unknown): void {
  try {
    void abort(sinkOf(consumer), error);
  } catch {
    // It can't be written to anyway.
  }
}

/** What goes wrong now is not what the caller is to hear of. */
async function abort(sink: Sink, error: unknown): Promise<void> {
  try {
    await sink.abort(error);
  } catch {}
}
