import type { TaskHandle } from '../queue/task-handle.js';

/** What a map needs of its queue. */
export interface MapSetup<T> {
  /** Submits the task of one item. */
  submit(item: T, index: number): TaskHandle;
  /** Whether the queue has room for one more task. */
  hasRoom(): boolean;
  /** Resolves when it has, which others who wait for it may take first, or `isOver`, of which `ended` tells. */
  room(isOver: () => boolean): Promise<void>;
  /** The map is over. */
  ended(): void;
  /** How many results may be on their way or waiting to be read. */
  readonly inFlight: number;
  /** Whether results come in the order of the input, or as tasks end. */
  readonly isOrdered: boolean;
  readonly signal: AbortSignal | undefined;
}

type Step = IteratorResult<unknown>;

/**
 * The results of a function over an input that is pulled as they are read. Nothing happens before the first is asked
 * for. It is no generator, as it must end while somebody waits for a result, or it for an item.
 *
 * Invariant: of the input at most `inFlight` items are ahead of the reader, be they running, done and not read, or
 * being pulled.
 */
export class MapIterator<T> implements AsyncIterableIterator<unknown> {
  readonly #input: Iterable<T> | AsyncIterable<T>;
  readonly #setup: MapSetup<T>;
  #source: AsyncIterator<T> | null = null;
  #index = 0;
  /** Tasks that were submitted and whose results were not read, in input order. */
  readonly #handles = new Set<TaskHandle>();
  /** What those of them that have ended have come to, in the order in which they did. */
  readonly #results = new Map<TaskHandle, unknown>();
  /** Those who wait for a result, in order. */
  #readers: ((step: Step | Promise<Step>) => void)[] = [];
  #isPulling = false;
  /** Whether the input makes an item. */
  #isAsking = false;
  /** Whether the input has no more items. */
  #isAtEnd = false;
  #isOver = false;
  /** What it has ended with, until somebody reads that. */
  #failure: { readonly error: unknown } | null = null;
  /** Settles when the input is closed, as far as that is waited for. */
  #closed: Promise<void> = Promise.resolve();

  constructor(input: Iterable<T> | AsyncIterable<T>, setup: MapSetup<T>) {
    this.#input = input;
    this.#setup = setup;
  }

  next(): Promise<Step> {
    if (this.#isOver) return this.#last();
    return new Promise((resolve) => {
      this.#readers.push(resolve);
      if (this.#source === null) this.#begin();
      this.#serve();
    });
  }

  async return(value?: unknown): Promise<Step> {
    this.#end();
    await this.#closed;
    return { value, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #begin(): void {
    const { signal } = this.#setup;
    try {
      this.#source = iterate(this.#input);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (signal?.aborted) this.#fail(signal.reason);
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  readonly #onAbort = () => this.#fail(this.#setup.signal?.reason);

  /** Gives the readers what there is for them, and sees to it that there will be more. */
  #serve(): void {
    while (this.#readers.length > 0 && !this.#isOver) {
      if (this.#mayPull && !this.#isPulling) void this.#pull();
      const [next] = this.#setup.isOrdered ? this.#handles : this.#results.keys();
      if (next !== undefined && this.#results.has(next)) {
        this.#readers.shift()?.({ value: this.#results.get(next), done: false });
        this.#handles.delete(next);
        this.#results.delete(next);
      } else if (this.#isAtEnd && this.#handles.size === 0) {
        this.#end();
      } else {
        return;
      }
    }
  }

  get #mayPull(): boolean {
    return !this.#isAtEnd && !this.#isOver && this.#handles.size < this.#setup.inFlight;
  }

  async #pull(): Promise<void> {
    this.#isPulling = true;
    try {
      while (this.#mayPull) {
        if (!this.#setup.hasRoom()) {
          await this.#room();
          // It may be over by now, and who takes an item then loses it.
          continue;
        }
        const { value, done } = await this.#ask();
        if (done) this.#isAtEnd = true;
        else await this.#submit(value);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isPulling = false;
      this.#serve();
    }
  }

  async #ask(): Promise<IteratorResult<T>> {
    this.#isAsking = true;
    try {
      return await (this.#source as AsyncIterator<T>).next();
    } catch (error) {
      this.#isAtEnd = true;
      throw error;
    } finally {
      this.#isAsking = false;
    }
  }

  /** Submits the task of an item when there is room for it, which may have gone since it was asked for. */
  async #submit(item: T): Promise<void> {
    while (!this.#isOver && !this.#setup.hasRoom()) await this.#room();
    if (this.#isOver) return;
    const handle = this.#setup.submit(item, this.#index++);
    this.#handles.add(handle);
    handle.promise.then(
      (result) => this.#ended(handle, result),
      (error) => this.#fail(error),
    );
  }

  /** Waits for room, and for what has made it: the promise of a task that has failed says so only a moment later. */
  async #room(): Promise<void> {
    await this.#setup.room(() => this.#isOver);
    const failed = [...this.#handles].find(({ state }) => state === 'failed' || state === 'cancelled');
    await failed?.promise.catch(() => {});
  }

  #ended(handle: TaskHandle, result: unknown): void {
    if (this.#isOver) return;
    this.#results.set(handle, result);
    this.#serve();
  }

  /** An error counts at once, results in their order. */
  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#failure = { error };
    this.#end();
  }

  /** Cancels what waits or runs, closes the input, and tells whoever waits for a result. */
  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#setup.signal?.removeEventListener('abort', this.#onAbort);
    for (const handle of this.#handles) handle.cancel();
    this.#handles.clear();
    this.#results.clear();
    if (!this.#isAtEnd) {
      const closed = this.#close();
      // Only who leaves hears of it: a failure is not to be hidden by another.
      closed.catch(() => {});
      // A generator ends only after the item that it makes, which may never come.
      if (!this.#isAsking) this.#closed = closed;
    }
    for (const reader of this.#readers.splice(0)) reader(this.#last());
    this.#setup.ended();
  }

  async #close(): Promise<void> {
    await this.#source?.return?.();
  }

  /** What is read after the end: the failure once, if there is one. */
  async #last(): Promise<Step> {
    const failure = this.#failure;
    this.#failure = null;
    await this.#closed.catch(() => {});
    if (failure !== null) throw failure.error;
    return { value: undefined, done: true };
  }
}

function iterate<T>(input: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> {
  const { [Symbol.asyncIterator]: begin } = input as Partial<AsyncIterable<T>>;
  if (typeof begin === 'function') return begin.call(input);
  const iterator = (input as Iterable<T>)[Symbol.iterator]();
  return {
    async next() {
      const { value, done = false } = iterator.next();
      try {
        return { value: await value, done };
      } catch (error) {
        // It has not failed itself, and goes on if it is not told.
        await this.return?.().catch(() => {});
        throw error;
      }
    },
    async return() {
      iterator.return?.();
      return { value: undefined, done: true };
    },
  };
}
