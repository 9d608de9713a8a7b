/**
 * What an attempt of a node comes to. Its promise is made when somebody asks for it: one that nobody has can't be
 * rejected unhandled, and few of a large graph's are ever asked for.
 */
export class Outcome<T = unknown> {
  #promise: Promise<T> | null = null;
  #settle: ((result: T | Promise<T>) => void) | null = null;
  #state: 'open' | 'resolved' | 'rejected' = 'open';
  #value: T | undefined;
  #error: unknown;

  get promise(): Promise<T> {
    if (this.#promise === null) {
      this.#promise = new Promise((resolve) => {
        this.#settle = resolve;
      });
      this.#fulfil();
    }
    return this.#promise;
  }

  /** What it was resolved with; undefined if it was not. */
  get value(): T | undefined {
    return this.#value;
  }

  /** What it was rejected with; undefined if it was not. */
  get error(): unknown {
    return this.#error;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  resolve(value: T): void {
    this.#state = 'resolved';
    this.#value = value;
    this.#fulfil();
  }

  reject(error: unknown): void {
    this.#state = 'rejected';
    this.#error = error;
    this.#fulfil();
  }

  #fulfil(): void {
    if (this.#state === 'open') return;
    this.#settle?.(this.#state === 'resolved' ? (this.#value as T) : Promise.reject(this.#error));
    this.#settle = null;
  }
}
