/** What a signal can end. */
export interface Abortable {
  abort(reason: unknown): void;
}

/**
 * Calls back for everyone who waits for a signal, through one listener for each signal: thousands of tasks may share
 * one, and Node warns of more than ten listeners.
 */
export class Signals {
  readonly #waiting = new Map<AbortSignal, Set<Abortable>>();

  add(signal: AbortSignal, waiter: Abortable): void {
    let waiters = this.#waiting.get(signal);
    if (waiters === undefined) {
      waiters = new Set();
      this.#waiting.set(signal, waiters);
      signal.addEventListener('abort', this.#onAbort, { once: true });
    }
    waiters.add(waiter);
  }

  remove(signal: AbortSignal, waiter: Abortable): void {
    const waiters = this.#waiting.get(signal);
    if (waiters === undefined) return;
    waiters.delete(waiter);
    if (waiters.size > 0) return;
    this.#waiting.delete(signal);
    signal.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (event: Event): void => {
    const signal = event.target as AbortSignal;
    const waiters = this.#waiting.get(signal);
    this.#waiting.delete(signal);
    for (const waiter of waiters ?? []) waiter.abort(signal.reason);
  };
}
