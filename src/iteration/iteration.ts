import { unwrap } from '../tasks/transferable.js';
import type { AnyIterator } from './iterators.js';

/** Where the items of an iteration come from. */
export interface ItemSource {
  /** An item that is there already, or null. */
  take(): IteratorResult<unknown> | null;
  /** The next item, which is not there yet. Rejects with what went wrong; after that, and after the end, it is done. */
  next(): Promise<IteratorResult<unknown>>;
  /** Ends it: runs the generator's `finally`. Resolves when it has ended, rejects with what that threw. */
  close(): Promise<void>;
  /** Rejects whoever waits for an item with `reason`, and tells the task's signal. `close` follows. */
  abort(reason: unknown): void;
  /** The worker is gone. What has arrived is still there; then comes `error`. */
  lost(error: Error): void;
}

/** What an iteration needs of who keeps account of it. */
export interface IterationOwner {
  /** Keeps the program alive until `work` has settled. */
  occupy<T>(work: Promise<T>): Promise<T>;
  iterationEnded(iteration: Iteration): void;
}

/** Someone who has not read for so long does not read any more, in milliseconds. */
const PATIENCE = 1000;

/** Closes what nobody can read any more: the iterator handed out holds its iteration, not the other way round. */
const abandoned = new FinalizationRegistry<Iteration>((iteration) => void iteration.close().catch(() => {}));

/**
 * One iteration that is going on: the items a task makes, from when it has returned its iterator until the end is
 * reached, the reader leaves, or the worker is gone.
 */
export class Iteration {
  readonly #source: ItemSource;
  readonly #owner: IterationOwner;
  #waiting = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #isOver = false;
  #closing: Promise<void> | null = null;
  #abortReason: { readonly reason: unknown } | null = null;
  /** Whether a consumer reads it, which may take its time. */
  readonly #isFed: boolean;

  constructor(source: ItemSource, owner: IterationOwner, isFed: boolean) {
    this.#source = source;
    this.#owner = owner;
    this.#isFed = isFed;
  }

  /** Until when it counts as being read although nobody may wait for an item, by `performance.now()`. */
  get readUntil(): number {
    return this.#isFed || this.#waiting > 0 ? Number.POSITIVE_INFINITY : this.#readAt + PATIENCE;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#abortReason !== null) {
      const { reason } = this.#abortReason;
      this.#abortReason = null;
      return Promise.reject(reason);
    }
    if (this.#isOver) return Promise.resolve({ value: undefined, done: true });
    this.#readAt = performance.now();
    const item = this.#waiting === 0 ? this.#source.take() : null;
    if (item === null) return this.#owner.occupy(this.#wait());
    if (item.done) this.#end();
    return Promise.resolve(item);
  }

  async #wait(): Promise<IteratorResult<unknown>> {
    this.#waiting++;
    try {
      const item = await this.#source.next();
      if (item.done) this.#end();
      return item;
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      this.#waiting--;
      this.#readAt = performance.now();
    }
  }

  /** Ends it, as nobody reads any more. A generator that hangs may never end, so this keeps no program alive. */
  close(): Promise<void> {
    if (this.#isOver) return this.#closing ?? Promise.resolve();
    this.#closing = this.#source.close();
    this.#end();
    return this.#closing;
  }

  /** Ends it, as the reader leaves, who waits for that. */
  leave(): Promise<void> {
    return this.#owner.occupy(this.close());
  }

  /** Ends it for a reason, with which whoever waits for an item, or asks for the next one, is rejected. */
  abort(reason: unknown): void {
    if (this.#isOver) return;
    if (this.#waiting === 0) this.#abortReason = { reason };
    this.#source.abort(reason);
    this.close().catch(() => {});
  }

  /** The worker is gone. */
  lost(error: Error): void {
    this.#source.lost(error);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.iterationEnded(this);
  }
}

/** What the caller gets. */
export class TaskIterator implements AsyncIterableIterator<unknown> {
  readonly #iteration: Iteration;

  constructor(iteration: Iteration) {
    this.#iteration = iteration;
    abandoned.register(this, iteration, iteration);
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#iteration.next();
  }

  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    abandoned.unregister(this.#iteration);
    await this.#iteration.leave();
    return { value, done: true };
  }

  /** @internal Ends it for a reason, with which whoever waits for an item is rejected. Resolves when it has ended. */
  async abort(reason: unknown): Promise<void> {
    this.#iteration.abort(reason);
    // What ending it has thrown is less than the reason for it.
    await this.#iteration.close().catch(() => {});
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

/** Calls a function in the async context of the task. */
export type InScope = <T>(fn: () => T) => T;

/** The items of an iterator in this thread: made when they are asked for. */
export class LocalSource implements ItemSource {
  readonly #iterator: AnyIterator;
  readonly #inScope: InScope;
  readonly #abortTask: (reason: unknown) => void;
  /** Rejects those who wait for an item. */
  readonly #waiting = new Set<(error: unknown) => void>();
  #lost: Error | null = null;

  constructor(iterator: AnyIterator, inScope: InScope, abortTask: (reason: unknown) => void) {
    this.#iterator = iterator;
    this.#inScope = inScope;
    this.#abortTask = abortTask;
  }

  take(): null {
    return null;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      this.#make()
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(reject));
    });
  }

  async close(): Promise<void> {
    await this.#inScope(() => this.#iterator.return?.());
  }

  abort(reason: unknown): void {
    for (const reject of this.#waiting) reject(reason);
    this.#abortTask(reason);
  }

  lost(error: Error): void {
    this.#lost = error;
    for (const reject of this.#waiting) reject(error);
    this.close().catch(() => {});
  }

  async #make(): Promise<IteratorResult<unknown>> {
    const { value, done = false } = await this.#inScope(() => this.#iterator.next());
    return done ? { value: undefined, done } : { value: unwrap(await value), done };
  }
}
