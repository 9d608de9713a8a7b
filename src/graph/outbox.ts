/**
 * Items on their way to one reader, who may be slower or faster than they come.
 *
 * Invariant: a reader waits only while there is nothing for it, neither an item nor the end.
 */
export class Outbox<T> {
  #items: T[] = [];
  /** How many of `items` have been read: shifting each from a long array would cost its length. */
  #read = 0;
  #end: { error: unknown } | 'regular' | null = null;
  #wake: (() => void) | null = null;

  push(item: T): void {
    if (this.#end === null) this.#items.push(item);
    this.#wake?.();
  }

  /** The last item is there. */
  end(): void {
    this.#end ??= 'regular';
    this.#wake?.();
  }

  /** The reader gets an error next, whatever else there was for it. */
  fail(error: unknown): void {
    if (this.#end === null) {
      this.#end = { error };
      this.#items.length = 0;
      this.#read = 0;
    }
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      if (this.#read < this.#items.length) {
        const item = this.#items[this.#read++] as T;
        if (this.#read === this.#items.length) {
          this.#items = [];
          this.#read = 0;
        }
        yield item;
      } else if (this.#end === 'regular') return;
      else if (this.#end !== null) throw this.#end.error;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      }
    }
  }
}
