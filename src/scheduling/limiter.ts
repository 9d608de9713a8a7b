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

/**
 * Counts what runs and remembers what started against a rule. It has no clock of its own: whoever asks says what time
 * it is.
 *
 * Invariant: `#starts` from `#oldest` on holds the start times of at most the last `count` starts, in order.
 */
export class Limiter {
  running: number;
  readonly #concurrency: number;
  readonly #count: number;
  readonly #interval: number;
  #starts: number[] = [];
  #oldest = 0;

  /** @param former - the rule that this one replaces: what has started by it counts on */
  constructor(rule: LimitRule, running: number, former: Limiter | null = null) {
    this.running = running;
    this.#concurrency = rule.concurrency ?? Number.POSITIVE_INFINITY;
    this.#count = rule.rate?.count ?? Number.POSITIVE_INFINITY;
    this.#interval = rule.rate?.interval ?? 0;
    if (!this.hasRate || former === null) return;
    this.#starts = former.#starts.slice(former.#oldest);
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
