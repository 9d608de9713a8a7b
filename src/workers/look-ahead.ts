import type { Posting } from './posting.js';

/** How much work may be held ahead of its turn, in milliseconds and in tasks: several batches of what takes no time. */
const HOLD_TIME = 0.2;
const HOLD_COUNT = 512;

/** How long what is held may have to wait for what is there before it, in milliseconds. */
const MAX_WAIT = 1;

/**
 * What runs on the other side of a link, and what waits there ahead of its turn.
 *
 * The other side runs `concurrency` tasks at a time in the order in which they were sent and holds the rest; this side
 * follows that order, so it knows what has started without being told.
 *
 * Invariant: what is added is held, then runs, then has left, and may skip what comes first. Nothing is held while fewer
 * than `concurrency` run.
 */
export class LookAhead {
  /** How many run. */
  running = 0;
  readonly #concurrency: number;
  readonly #isExact: boolean;
  readonly #begins: (posting: Posting) => void;
  #runningTime = 0;
  /** In the order in which they were sent: never many, so that taking the first costs nothing. */
  readonly #held: Posting[] = [];
  #heldTime = 0;

  /**
   * @param isExact - whether what is held can be taken back at any moment: from a thread, which shares claims; but not
   *   from a process, which gives back nothing while it is busy
   * @param begins - is told what begins there
   */
  constructor(concurrency: number, isExact: boolean, begins: (posting: Posting) => void) {
    this.#concurrency = concurrency;
    this.#isExact = isExact;
    this.#begins = begins;
  }

  /** How many run or are held. */
  get size(): number {
    return this.running + this.#held.length;
  }

  /**
   * How long one more may be expected to take to be held as well, in milliseconds: Infinity if one is always worth it,
   * because it can be taken back; less than 0 if there is no room.
   */
  get room(): number {
    if (this.#held.length >= HOLD_COUNT) return -1;
    // Behind what may be long it would wait while others that are free pass it.
    if (this.#runningTime + this.#heldTime > MAX_WAIT) return -1;
    if (!this.#isExact) return HOLD_TIME - this.#heldTime - this.#runningTime;
    return this.#held.length === 0 ? Number.POSITIVE_INFINITY : HOLD_TIME - this.#heldTime;
  }

  /** It was sent. */
  add(posting: Posting): void {
    if (this.running < this.#concurrency) {
      this.#begin(posting);
      return;
    }
    this.#held.push(posting);
    this.#heldTime += posting.estimate;
  }

  /** It has begun, and so has whatever was held in front of it. */
  beginUpTo(posting: Posting): void {
    while (!posting.isStarted && this.#beginNext()) {}
  }

  /** It neither runs nor is held any more. */
  remove(posting: Posting): void {
    if (!posting.isStarted) {
      // What is taken back is mostly taken back from the end.
      this.#held.splice(this.#held.lastIndexOf(posting), 1);
      this.#noLongerHeld(posting);
      return;
    }
    this.running--;
    this.#runningTime = this.running === 0 ? 0 : this.#runningTime - posting.estimate;
    if (this.running < this.#concurrency) this.#beginNext();
  }

  #begin(posting: Posting): void {
    posting.isStarted = true;
    this.running++;
    this.#runningTime += posting.estimate;
    this.#begins(posting);
  }

  /** The first that is held begins; false if there is none. */
  #beginNext(): boolean {
    const posting = this.#held.shift();
    if (posting === undefined) return false;
    this.#noLongerHeld(posting);
    this.#begin(posting);
    return true;
  }

  #noLongerHeld({ estimate }: Posting): void {
    this.#heldTime = this.#held.length === 0 ? 0 : this.#heldTime - estimate;
  }
}
