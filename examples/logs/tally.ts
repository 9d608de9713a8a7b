/** Counts how often each of many entries occurs, and tells the most frequent. */
export class Tally {
  readonly #limit: number;
  #counts = new Map<string, number>();
  #total = 0;
  #isExact = true;

  /** Of more than `limit` different entries those that are rare may be forgotten, so that memory stays bounded. */
  constructor(limit = 100_000) {
    this.#limit = limit;
  }

  /** All that was counted. */
  get total(): number {
    return this.#total;
  }

  /** Whether no entry was ever forgotten; otherwise counts are lower bounds. */
  get isExact(): boolean {
    return this.#isExact;
  }

  add(entry: string): void {
    this.#total++;
    this.#counts.set(entry, (this.#counts.get(entry) ?? 0) + 1);
    if (this.#counts.size > this.#limit) this.#forget();
  }

  /** The `count` most frequent, most frequent first; of equally frequent ones the one that came first. */
  top(count: number): [entry: string, count: number][] {
    return [...this.#counts].sort(([, a], [, b]) => b - a).slice(0, count);
  }

  #forget(): void {
    this.#isExact = false;
    this.#counts = new Map(this.top(Math.ceil(this.#limit / 2)));
  }
}
