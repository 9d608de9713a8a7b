import type { AnyIterator } from '../iteration/iterators.js';
import { AT_ONCE, snapshot } from '../protocol/snapshot.js';
import { isThenable, toPromise } from '../tasks/thenable.js';
import { type Transferable, transferListOf, unwrap } from '../tasks/transferable.js';
import { now } from './clock.js';
import { sizeOf } from './size-of.js';

/** A batch is sent when it has so many items or bytes, or its first item is so many milliseconds old. */
const BATCH_ITEMS = 128;
const BATCH_BYTES = 256 * 1024;
const BATCH_TIME = 1;

/** So much may have been sent and not yet been read. One item is always allowed. */
const WINDOW_ITEMS = 512;
const WINDOW_BYTES = 1024 * 1024;

/** Where a producer sends what it makes. */
export interface ProducerOwner {
  /** Sends a batch, or throws what structured clone throws. */
  postItems(items: unknown[], transfer: readonly Transferable[]): void;
  /** Calls the iterator in the context of its task. */
  inContext<T>(fn: () => T): T;
  /** The iteration is over. Nothing is sent after this. */
  ended(error?: { readonly error: unknown }): void;
  /** An item can't be sent. */
  refusal(item: unknown, cause: unknown): Error;
}

/**
 * Makes the items of one iteration, ahead of the reader as far as the window allows.
 *
 * It works in slices: an iterator that never waits is left after BATCH_TIME, so that other tasks get their turn. What
 * was made in a slice, or in one turn of the event loop, is a batch.
 */
export class Producer {
  readonly #iterator: AnyIterator;
  readonly #owner: ProducerOwner;
  #items: unknown[] = [];
  #bytes = 0;
  /** Items and bytes of each batch that was sent and not read, oldest first. */
  readonly #unread: { readonly items: number; readonly bytes: number }[] = [];
  #unreadItems = 0;
  #unreadBytes = 0;
  #hasBegun = false;
  /** Whether an item is being made. */
  #isMaking = false;
  /** Whether it has left the thread to others and will go on by itself. */
  #isYielding = false;
  #isFlushPlanned = false;
  #isOver = false;
  #isClosing = false;

  /** One function for all items, not one for each. */
  readonly #next = () => this.#iterator.next();

  constructor(iterator: AnyIterator, owner: ProducerOwner) {
    this.#iterator = iterator;
    this.#owner = owner;
  }

  /** The reader is ready for the first batch, or has read the oldest. */
  pull(): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
    } else {
      const read = this.#unread.shift();
      this.#unreadItems -= read?.items ?? 0;
      this.#unreadBytes -= read?.bytes ?? 0;
    }
    if (!this.#isMaking && !this.#isYielding) this.#work();
  }

  /** The reader leaves: the generator's `finally` runs once it is not in the middle of making an item. */
  close(): void {
    if (this.#isOver || this.#isClosing) return;
    this.#isClosing = true;
    this.#items = [];
    if (!this.#isMaking) void this.#leave();
  }

  get #mayMakeMore(): boolean {
    const items = this.#unreadItems + this.#items.length;
    return items === 0 || (items < WINDOW_ITEMS && this.#unreadBytes + this.#bytes < WINDOW_BYTES);
  }

  #work(): void {
    const start = now();
    while (!this.#isOver) {
      if (this.#isClosing) {
        void this.#leave();
        return;
      }
      if (!this.#mayMakeMore) {
        this.#flush();
        return;
      }
      let step: ReturnType<AnyIterator['next']>;
      let pending: Promise<IteratorResult<unknown>> | null;
      try {
        step = this.#owner.inContext(this.#next);
        if (!isThenable(step) && !step.done && isThenable(step.value)) step = settle(step.value);
        pending = isThenable(step) ? toPromise(step) : null;
      } catch (error) {
        this.#end({ error });
        return;
      }
      if (pending !== null) {
        this.#await(pending);
        return;
      }
      if (!this.#accept(step as IteratorResult<unknown>)) return;
      if (now() - start > BATCH_TIME) {
        this.#flush();
        this.#isYielding = true;
        setImmediate(() => {
          this.#isYielding = false;
          this.#work();
        });
        return;
      }
    }
  }

  #await(step: Promise<IteratorResult<unknown>>): void {
    this.#isMaking = true;
    this.#planFlush();
    step.then(
      (result) => {
        this.#isMaking = false;
        if (this.#accept(result)) this.#work();
      },
      (error) => {
        this.#isMaking = false;
        if (this.#isClosing) void this.#leave();
        else this.#end({ error });
      },
    );
  }

  /** Adds an item to the batch; false if that was the end. */
  #accept(result: IteratorResult<unknown>): boolean {
    try {
      if (result.done) {
        this.#end();
        return false;
      }
      if (this.#isClosing) return true;
      const value = unwrap(result.value);
      const transfer = transferListOf(result.value);
      const kept = transfer === null ? snapshot(value) : AT_ONCE;
      this.#bytes += sizeOf(value);
      this.#items.push(kept === AT_ONCE ? value : kept);
      if (kept === AT_ONCE) this.#flush(transfer ?? []);
    } catch (error) {
      // The result is none, or a getter of it throws.
      this.#end({ error });
      return false;
    }
    if (this.#items.length >= BATCH_ITEMS || this.#bytes >= BATCH_BYTES) this.#flush();
    return !this.#isOver;
  }

  #planFlush(): void {
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    setImmediate(() => {
      this.#isFlushPlanned = false;
      if (!this.#isOver) this.#flush();
    });
  }

  /** Sends the batch. `transfer` belongs to its last item, the only one that may be more than a snapshot. */
  #flush(transfer: readonly Transferable[] = []): void {
    if (this.#items.length === 0) return;
    const items = this.#items;
    const bytes = this.#bytes;
    this.#items = [];
    this.#bytes = 0;
    try {
      this.#post(items, bytes, transfer);
    } catch (cause) {
      this.#refused(items, bytes, cause);
    }
  }

  #post(items: unknown[], bytes: number, transfer: readonly Transferable[]): void {
    this.#owner.postItems(items, transfer);
    this.#unread.push({ items: items.length, bytes });
    this.#unreadItems += items.length;
    this.#unreadBytes += bytes;
  }

  /** The last item of a batch can't be sent: those before it are, and then the iteration ends with an error. */
  #refused(items: unknown[], bytes: number, cause: unknown): void {
    const last = items.pop();
    if (items.length > 0) this.#post(items, bytes - sizeOf(last), []);
    const error = this.#owner.refusal(last, cause);
    this.#isOver = true;
    void this.#close().then(() => this.#owner.ended({ error }));
  }

  #end(error?: { readonly error: unknown }): void {
    this.#flush();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.ended(error);
  }

  async #leave(): Promise<void> {
    this.#isOver = true;
    this.#owner.ended(await this.#close());
  }

  /** Runs the generator's `finally`; returns what that threw. */
  async #close(): Promise<{ readonly error: unknown } | undefined> {
    try {
      await this.#owner.inContext(() => this.#iterator.return?.());
      return undefined;
    } catch (error) {
      return { error };
    }
  }
}

async function settle(value: PromiseLike<unknown>): Promise<IteratorResult<unknown>> {
  return { value: await value, done: false };
}
