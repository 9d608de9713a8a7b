/** How much may run, and how much may start, of a whole queue or of one series. */
export interface LimitRule {
  /** How many tasks run at a time: an integer from 1. Default: no limit. */
  concurrency?: number;
  /**
   * At most `count` tasks (an integer from 1) start in any `interval` milliseconds (more than 0), however the window
   * is laid. Default: no limit.
   */
  rate?: { count: number; interval: number };
}

/** What is remembered of starts that nobody counts. */
const NONE: number[] = [];

/**
 * Counts what runs of the whole queue or of one series, and tells whether more may start by its rule, if it has one. It
 * has no clock of its own: whoever asks says what time it is.
 *
 * Invariant: `#starts` from `#oldest` on holds the start times of at most the last `#count` starts, in order; without a
 * rate it is empty.
 */
export class Limiter {
  /** Jobs taken and not ended. */
  running = 0;
  /** Whether there is a rule. */
  isSet = false;
  #concurrency = Number.POSITIVE_INFINITY;
  #count = Number.POSITIVE_INFINITY;
  #interval = 0;
  #starts = NONE;
  #oldest = 0;

  /** Another rule, or none. What has started by a rate counts on by the next one. */
  limit(rule: LimitRule | null): void {
    this.isSet = rule !== null;
    this.#concurrency = rule?.concurrency ?? Number.POSITIVE_INFINITY;
    this.#count = rule?.rate?.count ?? Number.POSITIVE_INFINITY;
    this.#interval = rule?.rate?.interval ?? 0;
    this.#starts = this.hasRate ? this.#starts.slice(this.#oldest) : NONE;
    this.#oldest = Math.max(0, this.#starts.length - this.#count);
  }

  /** Whether starts are counted, so that what is assigned must start at once. */
  get hasRate(): boolean {
    return this.#interval > 0;
  }

  /** From when on, another task may start: -Infinity for now, Infinity for not before one has ended. */
  opensAt(): number {
    if (this.running >= this.#concurrency) return Number.POSITIVE_INFINITY;
    if (this.#starts.length - this.#oldest < this.#count) return Number.NEGATIVE_INFINITY;
    return (this.#starts[this.#oldest] as number) + this.#interval;
  }

  /** How many tasks may start at a time. */
  allowance(now: number): number {
    const places = Math.max(0, this.#concurrency - this.running);
    if (this.#starts.length === this.#oldest) return Math.min(places, this.#count);
    let recent = this.#oldest;
    while (recent < this.#starts.length && (this.#starts[recent] as number) + this.#interval <= now) recent++;
    return Math.min(places, this.#count - (this.#starts.length - recent));
  }

  started(now: number): void {
    this.running++;
    if (!this.hasRate) return;
    this.#starts.push(now);
    if (this.#starts.length - this.#oldest > this.#count) this.#oldest++;
    if (this.#oldest > 1000 && this.#oldest * 2 > this.#starts.length) {
      this.#starts = this.#starts.slice(this.#oldest);
      this.#oldest = 0;
    }
  }

  ended(): void {
    this.running--;
  }

  /** Undoes a start: the task was given back before it began. One that is not remembered any more is ignored. */
  unstarted(startedAt: number): void {
    this.running--;
    const index = this.#starts.lastIndexOf(startedAt);
    if (index === -1) return;
    this.#starts.splice(index, 1);
    // One more of those before it counts.
    if (this.#oldest > 0) this.#oldest--;
  }
}
