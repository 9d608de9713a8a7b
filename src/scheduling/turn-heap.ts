/**
 * Something that waits for its turn. The least advanced goes first, and of equals the one that came first.
 *
 * Series within a crew, niceness levels within a lane, idle seats, ready crews and series waiting for their rate
 * limit all take turns this way, so there is one heap for all of them.
 */
export interface Turn {
  /** How far it has advanced: virtual time, load, or a due date. */
  time: number;
  /** Breaks ties: lower came earlier. */
  order: number;
  /** Where it is in its heap; -1 while it is in none. Kept by the heap. */
  index: number;
}

/** Whether `a` goes before `b`. */
export function precedes(a: Turn, b: Turn): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

/**
 * An indexed 4-ary min-heap of turns.
 *
 * Invariant: no entry precedes its parent, and `entries[e.index] === e` for every entry `e` in the heap.
 * Whoever changes `time` or `order` of an entry that is in a heap must call `update` before anything else.
 */
export class TurnHeap<T extends Turn> {
  readonly #entries: T[] = [];

  get size(): number {
    return this.#entries.length;
  }

  get top(): T | undefined {
    return this.#entries[0];
  }

  push(entry: T): void {
    entry.index = this.#entries.length;
    this.#entries.push(entry);
    this.#up(entry);
  }

  remove(entry: T): void {
    const { index } = entry;
    const last = this.#entries.pop() as T;
    entry.index = -1;
    if (last === entry) return;
    this.#entries[index] = last;
    last.index = index;
    this.update(last);
  }

  /** Restores the invariant after the key of `entry` has changed. */
  update(entry: T): void {
    if (this.#entries.length === 1) return;
    this.#up(entry);
    this.#down(entry);
  }

  *[Symbol.iterator](): IterableIterator<T> {
    yield* this.#entries;
  }

  #up(entry: T): void {
    const entries = this.#entries;
    let { index } = entry;
    while (index > 0) {
      const parentIndex = (index - 1) >> 2;
      const parent = entries[parentIndex] as T;
      if (!precedes(entry, parent)) break;
      entries[index] = parent;
      parent.index = index;
      index = parentIndex;
    }
    entries[index] = entry;
    entry.index = index;
  }

  #down(entry: T): void {
    const entries = this.#entries;
    const { length } = entries;
    let { index } = entry;
    for (;;) {
      const firstChild = index * 4 + 1;
      if (firstChild >= length) break;
      const end = Math.min(firstChild + 4, length);
      let least = entries[firstChild] as T;
      for (let i = firstChild + 1; i < end; i++) {
        const child = entries[i] as T;
        if (precedes(child, least)) least = child;
      }
      if (!precedes(least, entry)) break;
      const leastIndex = least.index;
      entries[index] = least;
      least.index = index;
      index = leastIndex;
    }
    entries[index] = entry;
    entry.index = index;
  }
}
