import { finished } from 'node:stream';
import type { Consumer, ItemConsumer } from './feed.js';

/**
 * One way to write to every sort of consumer, which may break, or be given up, whatever is waited for. One thing is
 * waited for at a time.
 */
export abstract class Sink {
  #breach: { readonly error: unknown } | null = null;
  #reject: (error: unknown) => void = () => {};

  /** Settles as `work` does, or rejects as soon as the consumer takes nothing any more. */
  during<T>(work: PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#breach !== null) reject(this.#breach.error);
      work.then(resolve, reject);
    });
  }

  /** The consumer takes nothing any more, or is to be given nothing. */
  broke(error: unknown): void {
    this.#breach ??= { error };
    this.#reject(this.#breach.error);
  }

  /** Takes an item; the next one may come when what it returns has resolved. */
  abstract write(item: unknown): unknown;
  /** No more items come. What it returns resolves when the consumer has finished. */
  abstract end(): Promise<void>;
  /** No more items come, as something went wrong, maybe while it ends. */
  abstract abort(error: unknown): unknown;
}

/** @throws TypeError, or what it has failed with, for a stream that can't be written to. */
export function sinkOf(consumer: Consumer): Sink {
  if ('getWriter' in consumer) return new WebSink(consumer);
  if ('on' in consumer && 'end' in consumer && typeof consumer.on === 'function') return new NodeSink(consumer);
  return new ItemSink(consumer);
}

class ItemSink extends Sink {
  readonly #consumer: ItemConsumer;
  #hasEnded = false;

  constructor(consumer: ItemConsumer) {
    super();
    this.#consumer = consumer;
  }

  write(item: unknown): unknown {
    return this.#consumer.write(item);
  }

  async end(): Promise<void> {
    try {
      await this.#consumer.end?.();
    } finally {
      this.#hasEnded = true;
    }
  }

  abort(error: unknown): unknown {
    // One whose end has failed knows.
    return this.#hasEnded ? undefined : this.#consumer.abort?.(error);
  }
}

/** What most streams of Node's have besides; those of an older make have less. */
interface NodeStream extends NodeJS.WritableStream {
  readonly errored?: Error | null;
  readonly destroyed?: boolean;
  readonly writableEnded?: boolean;
  destroy?(error: unknown): unknown;
}

/** Unlike `pipeline` it settles in every state that a stream can be in, or get into while the next item is made. */
class NodeSink extends Sink {
  readonly #stream: NodeStream;
  readonly #leave: () => void;
  #drained = () => {};
  #finished = () => this.broke(unwritable('was ended'));

  constructor(stream: NodeStream) {
    super();
    this.#stream = stream;
    this.#check();
    const forget = finished(stream, { readable: false }, (error) => {
      if (error == null) this.#finished();
      else this.broke(error);
    });
    const onDrain = () => this.#drained();
    stream.on('drain', onDrain);
    this.#leave = () => {
      forget();
      stream.off('drain', onDrain);
    };
  }

  write(item: unknown): Promise<void> | undefined {
    this.#check();
    // Its type tells of text and bytes only.
    if (this.#stream.write(item as string)) return undefined;
    return new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  async end(): Promise<void> {
    this.#check();
    const isFinished = new Promise<void>((resolve) => {
      this.#finished = resolve;
    });
    this.#stream.end((error?: Error | null) => {
      if (error != null) this.broke(error);
    });
    await isFinished;
    this.#leave();
  }

  abort(error: unknown): void {
    this.#leave();
    // Whoever called hears of it, so that the program need not die of it if nobody listens to the stream.
    this.#stream.on('error', () => {});
    this.#stream.destroy?.(error);
  }

  #check(): void {
    const { errored, destroyed, writableEnded, writable } = this.#stream;
    if (errored != null) throw errored;
    if (destroyed) throw unwritable('was destroyed');
    if (writableEnded || writable === false) throw unwritable('was ended');
  }
}

class WebSink extends Sink {
  readonly #writer: WritableStreamDefaultWriter;
  #isEnding = false;

  constructor(stream: WritableStream) {
    super();
    if (stream.locked) throw unwritable('is locked by another writer');
    this.#writer = stream.getWriter();
    this.#writer.closed.then(
      () => {
        if (!this.#isEnding) this.broke(unwritable('was closed'));
      },
      (error) => this.broke(error),
    );
  }

  write(item: unknown): Promise<void> | undefined {
    const written = this.#writer.write(item);
    // It also breaks the stream.
    written.catch(() => {});
    if ((this.#writer.desiredSize ?? 0) > 0) return undefined;
    // Not until it is ready, which a stream without a queue never is.
    return written;
  }

  async end(): Promise<void> {
    // One that was closed before has said so then.
    await null;
    this.#isEnding = true;
    await this.#writer.close();
    this.#writer.releaseLock();
  }

  async abort(error: unknown): Promise<void> {
    await this.#writer.abort(error);
  }
}

function unwritable(state: string): TypeError {
  return new TypeError(
    `Expected \`consumer\` to be a stream that can be written to, got one that ${state}: give each call a new one`,
  );
}
