import { checkInteger, wrongType } from '../check.js';
import { isThenable, toPromise } from '../tasks/thenable.js';
import { type WaitOptions, wait } from './wait.js';

/** Called when what is waited for has come about. */
type Wake = () => void;

/**
 * Counts the pending ones among promises that nobody awaits one by one; their results don't matter. A rejection counts
 * as settled, and a promise that was put here never raises unhandledRejection.
 *
 * Each promise costs the same however many are pending, and once it has settled nothing of it is kept.
 *
 * @example
 * ```ts
 * const tracker = new PromiseTracker();
 * for await (const page of pages) {
 *   tracker.put(save(page));
 *   await tracker.whenFewer(10);
 * }
 * if (!(await tracker.whenAll({ timeout: 5000 }))) console.warn(`${tracker.size} pages are not saved yet`);
 * ```
 */
export class PromiseTracker implements AsyncDisposable {
  #size = 0;
  #hasQuit = false;
  /** By the size they wait for. It falls by one at a time, so it never skips one. */
  readonly #waitingForSize = new Map<number, Set<Wake>>();
  readonly #waitingForAny = new Set<Wake>();

  /** How many of the promises are pending. */
  get size(): number {
    return this.#size;
  }

  /**
   * Counts a promise until it settles.
   * @returns the same promise.
   * @throws TypeError for anything but a promise.
   */
  put<P extends PromiseLike<unknown>>(promise: P): P {
    if (!isThenable(promise)) throw wrongType('promise', 'a promise', promise);
    const settled = toPromise(promise);
    this.#size++;
    settled.then(this.#settled, this.#settled);
    return promise;
  }

  /**
   * Waits until none is pending, those included that are put here meanwhile.
   * @returns true when that came about, or at once if it is so; false when the time ran out.
   * @throws the signal's reason; TypeError or RangeError for an invalid option.
   */
  whenAll(options?: WaitOptions): Promise<boolean> {
    return this.whenFewer(1, options);
  }

  /** Like `whenAll`, but waits until one of those pending has settled. With none pending: true at once. */
  async whenAny(options?: WaitOptions): Promise<boolean> {
    return await this.#wait(this.#size === 0, this.#waitingForAny, options);
  }

  /** Like `whenAll`, but waits until fewer than `n` are pending; `n` is an integer from 1. */
  async whenFewer(n: number, options?: WaitOptions): Promise<boolean> {
    const target = checkInteger('n', n, 1) - 1;
    if (this.#size <= target) return await this.#wait(true, this.#waitingForAny, options);
    const waiting = this.#waitingForSize.get(target) ?? new Set();
    this.#waitingForSize.set(target, waiting);
    try {
      return await this.#wait(false, waiting, options);
    } finally {
      if (waiting.size === 0 && this.#waitingForSize.get(target) === waiting) this.#waitingForSize.delete(target);
    }
  }

  /** Gives every waiter, now and from now on, true: for a program that ends and waits no longer. */
  quit(): void {
    this.#hasQuit = true;
    wakeAll(this.#waitingForAny);
    for (const waiting of this.#waitingForSize.values()) wakeAll(waiting);
  }

  /** Waits for all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.whenAll();
  }

  readonly #settled = () => {
    this.#size--;
    wakeAll(this.#waitingForAny);
    const waiting = this.#waitingForSize.get(this.#size);
    if (waiting !== undefined) wakeAll(waiting);
  };

  async #wait(isMet: boolean, waiting: Set<Wake>, options: WaitOptions | undefined): Promise<boolean> {
    return await wait(options, (wake) => {
      if (isMet || this.#hasQuit) wake();
      else waiting.add(wake);
      return () => waiting.delete(wake);
    });
  }
}

function wakeAll(waiting: Set<Wake>): void {
  for (const wake of waiting) wake();
}
