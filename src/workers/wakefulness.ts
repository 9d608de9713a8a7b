import { now } from '../clock.js';
import { BusyPoll } from '../protocol/busy-poll.js';

/** For how many turns of the event loop one stays awake: 50 microseconds or so, where there is nothing else to do. */
const TURNS = 40;

/**
 * How many waits a trial has awake, and how many asleep. With fewer, a collection of garbage would make one look better
 * than the other.
 */
const TRIAL = 256;

/** How many tasks have to end in each half of a trial: of fewer it tells nothing. */
const ENOUGH = TRIAL / 2;

/** How long a time in which nobody waits may count, in milliseconds: longer, it is not what the waits lead to. */
const MAX_GAP = 1;

/** Staying awake pays if a task takes less than this part of its time asleep: it costs processor time. */
const WORTH = 0.8;

/** How many trials in a row it has to pay. */
const PROOFS = 2;

/** After how many waits it is tried anew where it pays; one that was in vain counts as so many. */
const KEPT = 65_536;
const VAIN = 1024;

/** After how many waits it is tried, and tried anew where it did not pay: twice as many after each trial, up to a bound. */
const PAUSE = 2048;
const MAX_PAUSE = 65_536;

/**
 * Decides whether this thread, and those it sends tasks to, stay awake for a moment when they have sent something.
 *
 * Where a processor is free for each of them, short tasks come back several times sooner. Where there is none, one that
 * stays awake keeps another from its work. No figure tells which, so it is tried: some waits awake, some asleep, and
 * then for many the way in which a task took less time. It is one decision for all of them, as one may gain by what the
 * others lose. Who waits for long tasks, for items, or for somebody to call gains nothing and sleeps.
 */
export class Wakefulness {
  readonly #clock: () => number;
  readonly #poll: BusyPoll;
  /** How many have been sent something and have said nothing since. */
  #waiting = 0;
  #stage: 'awake' | 'asleep' | 'decided' = 'decided';
  #isAwake = false;
  /** How many waits this stage still has. */
  #left = PAUSE;
  /** When it began, later by all the time that does not count, and how many tasks have ended in it. */
  #since = 0;
  #tasks = 0;
  /** When the last wait of a trial ended that was the only one. */
  #idleSince = 0;
  #timeAwake = 0;
  #proofs = 0;
  #pause = PAUSE;

  /**
   * @param clock - in milliseconds
   * @param nextTurn - calls back in the next turn of the event loop
   */
  constructor(clock: () => number = now, nextTurn?: (turn: () => void) => void) {
    this.#clock = clock;
    this.#poll = new BusyPoll(() => this.#ranOut(), nextTurn);
  }

  /** For how many turns of the event loop whoever has sent something stays awake. */
  get turns(): number {
    return this.#isAwake ? TURNS : 0;
  }

  /** Something was sent to one that had nothing to answer. */
  begins(): void {
    if (this.#waiting++ === 0 && this.#stage !== 'decided') {
      this.#since += Math.max(0, this.#clock() - this.#idleSince - MAX_GAP);
    }
    this.#poll.start(this.turns);
  }

  /** One of those has said something, or has gone. */
  ends(): void {
    // Not only when nobody waits any more: some may do so for long, and this one is likely to be sent the next task.
    this.#poll.stop();
    if (--this.#waiting === 0 && this.#stage !== 'decided') this.#idleSince = this.#clock();
    if (--this.#left > 0) return;
    switch (this.#stage) {
      case 'awake':
        this.#timeAwake = this.#timePerTask();
        this.#enter('asleep', false, TRIAL);
        break;
      case 'asleep':
        this.#judge(this.#timeAwake < this.#timePerTask() * WORTH);
        break;
      case 'decided':
        this.#enter('awake', true, TRIAL);
        break;
    }
  }

  /** A task has ended where it was sent. */
  taskEnded(): void {
    this.#tasks++;
  }

  #judge(pays: boolean): void {
    if (!pays) {
      this.#proofs = 0;
      this.#enter('decided', false, this.#pause);
      this.#pause = Math.min(2 * this.#pause, MAX_PAUSE);
      return;
    }
    if (++this.#proofs < PROOFS) {
      this.#enter('awake', true, TRIAL);
      return;
    }
    this.#proofs = 0;
    this.#pause = PAUSE;
    this.#enter('decided', true, KEPT);
  }

  #enter(stage: 'awake' | 'asleep' | 'decided', isAwake: boolean, waits: number): void {
    this.#stage = stage;
    this.#isAwake = isAwake;
    this.#left = waits;
    this.#since = this.#clock();
    this.#idleSince = this.#since;
    this.#tasks = 0;
  }

  /** NaN, which is neither more nor less than anything, if that can't be told. */
  #timePerTask(): number {
    const time = this.#clock() - this.#since;
    return time > 0 && this.#tasks >= ENOUGH ? time / this.#tasks : Number.NaN;
  }

  #ranOut(): void {
    if (this.#stage === 'decided') this.#left = Math.max(1, this.#left - VAIN);
  }
}

/** That of this thread. */
export const wakefulness = new Wakefulness();
