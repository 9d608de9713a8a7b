import { CANCELLED, DONE, type Phase } from './task.js';

/** Times of one kind, in milliseconds. Percentiles are right within 7 %. */
export interface Times {
  count: number;
  mean: number;
  p50: number;
  p99: number;
  max: number;
}

/** Buckets for each doubling, and doublings from 1 us on: up to about 4 minutes, beyond which all is one bucket. */
const STEPS = 8;
const OCTAVES = 28;

/** Counts times in buckets that grow with the time, so that its size does not grow with the count. */
class Histogram {
  #buckets: Uint32Array | null = null;
  #count = 0;
  #sum = 0;
  #max = 0;

  /** @param time - in milliseconds */
  record(time: number): void {
    const value = Math.max(time, 0);
    this.#buckets ??= new Uint32Array(STEPS * OCTAVES);
    (this.#buckets[bucketOf(value)] as number)++;
    this.#count++;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
  }

  add(other: Histogram): void {
    if (other.#buckets === null) return;
    this.#buckets ??= new Uint32Array(STEPS * OCTAVES);
    for (let i = 0; i < this.#buckets.length; i++) (this.#buckets[i] as number) += other.#buckets[i] as number;
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#max = Math.max(this.#max, other.#max);
  }

  get times(): Times {
    return {
      count: this.#count,
      mean: this.#count === 0 ? 0 : this.#sum / this.#count,
      p50: this.#percentile(0.5),
      p99: this.#percentile(0.99),
      max: this.#max,
    };
  }

  #percentile(share: number): number {
    if (this.#buckets === null) return 0;
    let left = Math.ceil(this.#count * share);
    for (const [i, count] of this.#buckets.entries()) {
      left -= count;
      if (left <= 0) return Math.min(this.#max, middleOf(i));
    }
    return this.#max;
  }
}

function bucketOf(time: number): number {
  // Whole units of an eighth of a microsecond: the leading bit is the doubling, the next three are the step in it.
  const units = Math.min(time * 1000 * STEPS, 2 ** 31 - 1) | 0;
  if (units < STEPS) return 0;
  const octave = 28 - Math.clz32(units);
  return octave * STEPS + ((units >> octave) & (STEPS - 1));
}

function middleOf(bucket: number): number {
  const octave = Math.floor(bucket / STEPS);
  return (2 ** octave * (1 + ((bucket % STEPS) + 0.5) / STEPS)) / 1000;
}

/** How many times are kept before they are counted: of 32 tasks, how long each waited and ran. */
const KEPT = 64;

/**
 * What has become of some tasks. Their times are kept side by side, and counted many at a time: where a thousand series
 * take turns, nothing of a series is left in the processor's cache when its turn comes, and buckets are all over memory.
 */
export class Tally {
  done = 0;
  failed = 0;
  cancelled = 0;
  /** Which task was the latest of them to end, among all that are counted. */
  last = 0;
  /** Whether it has become part of another, so that nothing more is counted here. */
  isMerged = false;
  /** In turn how long a task waited and ran: `#kept` numbers that are still to be counted. Its room is used again. */
  #times: number[] = [];
  #kept = 0;
  #wait = new Histogram();
  #run = new Histogram();

  get wait(): Times {
    this.#countTimes();
    return this.#wait.times;
  }

  get run(): Times {
    this.#countTimes();
    return this.#run.times;
  }

  /** A task that never began has ended. */
  count(phase: Phase, nth: number): void {
    if (phase === DONE) this.done++;
    else if (phase === CANCELLED) this.cancelled++;
    else this.failed++;
    this.last = nth;
  }

  /** A task has ended, `run` ms after it began, before which it had waited `wait` ms. */
  record(phase: Phase, nth: number, wait: number, run: number): void {
    this.count(phase, nth);
    const kept = this.#kept;
    this.#times[kept] = wait;
    this.#times[kept + 1] = run;
    this.#kept = kept + 2;
    if (this.#kept === KEPT) this.#countTimes();
  }

  add(other: Tally): void {
    this.done += other.done;
    this.failed += other.failed;
    this.cancelled += other.cancelled;
    this.last = Math.max(this.last, other.last);
    other.#countTimes();
    this.#wait.add(other.#wait);
    this.#run.add(other.#run);
  }

  /** Becomes part of another. It may be at hand for long, so it keeps nothing. */
  mergeInto(other: Tally): void {
    other.add(this);
    this.isMerged = true;
    this.#times = [];
    this.#wait = new Histogram();
    this.#run = new Histogram();
  }

  #countTimes(): void {
    for (let i = 0; i < this.#kept; i += 2) {
      this.#wait.record(this.#times[i] as number);
      this.#run.record(this.#times[i + 1] as number);
    }
    this.#kept = 0;
  }
}
