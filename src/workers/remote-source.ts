import type { ItemSource } from '../iteration/iteration.js';

/** What a remote source says to the other side. */
export interface Puller {
  /** One batch has been read, or the reader is ready for the first. */
  pull(): void;
  close(): void;
  abort(reason: unknown): void;
}

/** Somebody who waits for an item. */
interface Waiter {
  resolve(item: IteratorResult<unknown>): void;
  reject(error: unknown): void;
}

/**
 * The items that a thread or process makes, as they arrive in batches. The other side makes the first when the first
 * is asked for, and sends on while what it has sent and was not read stays within its bounds.
 *
 * Invariant: items wait here, or readers do, never both.
 */
export class RemoteSource implements ItemSource {
  readonly #puller: Puller;
  readonly #batches: unknown[][] = [];
  /** What has been read of the first batch. */
  #position = 0;
  readonly #waiters: Waiter[] = [];
  #hasBegun = false;
  /** Whether its reader has left. */
  isClosed = false;
  #end: { readonly error: unknown; readonly isError: boolean } | null = null;
  #onEnd: Waiter | null = null;

  constructor(puller: Puller) {
    this.#puller = puller;
  }

  take(): IteratorResult<unknown> | null {
    const batch = this.#batches[0];
    if (batch === undefined) {
      return this.#end !== null && !this.#end.isError ? { value: undefined, done: true } : null;
    }
    const value = batch[this.#position++];
    if (this.#position === batch.length) {
      this.#batches.shift();
      this.#position = 0;
      if (this.#end === null) this.#puller.pull();
    }
    return { value, done: false };
  }

  next(): Promise<IteratorResult<unknown>> {
    const item = this.#waiters.length === 0 ? this.take() : null;
    if (item !== null) return Promise.resolve(item);
    if (this.#end?.isError) {
      const { error } = this.#end;
      this.#end = { error: undefined, isError: false };
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (this.#end !== null) this.#settleWaiters();
      else if (!this.#hasBegun) {
        this.#hasBegun = true;
        this.#puller.pull();
      }
    });
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.#batches.length = 0;
    this.#position = 0;
    if (this.#end !== null) return Promise.resolve();
    this.#puller.close();
    return new Promise((resolve, reject) => {
      this.#onEnd = { resolve: () => resolve(), reject };
    });
  }

  abort(reason: unknown): void {
    for (const { reject } of this.#waiters.splice(0)) reject(reason);
    if (this.#end === null) this.#puller.abort(reason);
  }

  /** The channel tells that by itself, after the last that arrived. */
  lost(): void {}

  // --- what the other side says -------------------------------------------------------------------------------------

  arrived(items: unknown[]): void {
    if (this.isClosed || items.length === 0) return;
    this.#batches.push(items);
    while (this.#waiters.length > 0 && this.#batches.length > 0) {
      const item = this.take();
      if (item !== null) this.#waiters.shift()?.resolve(item);
    }
  }

  ended(error: unknown, isError: boolean): void {
    if (this.#end !== null) return;
    this.#end = { error, isError };
    if (this.#onEnd === null) {
      this.#settleWaiters();
      return;
    }
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ value: undefined, done: true });
    if (isError) this.#onEnd.reject(error);
    else this.#onEnd.resolve({ value: undefined, done: true });
  }

  /** Nothing comes any more: the first who waits gets the error, if there is one, and the others the end. */
  #settleWaiters(): void {
    for (const waiter of this.#waiters.splice(0)) {
      if (this.#end?.isError) {
        waiter.reject(this.#end.error);
        this.#end = { error: undefined, isError: false };
      } else {
        waiter.resolve({ value: undefined, done: true });
      }
    }
  }
}
