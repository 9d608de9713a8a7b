import { now } from '../clock.js';
import { BusyPoll } from '../protocol/busy-poll.js';

/** For how many turns of the event loop a wait keeps it awake: 60 microseconds or so. */
const TURNS = 40;

/**
 * How many waits are timed awake, and how many asleep. With fewer, a collection of garbage would make one look better
 * than the other.
 */
const TRIAL = 256;

/** To which part the time for each task must fall to be worth the processor's. */
const GAIN = 0.8;

/** How many trials in a row it has to pay. */
const PROOFS = 2;

/** For how many waits it is done then, and for how many of these one counts that was in vain. */
const KEPT = 65_536;
const VAIN = 1024;

/** For how many waits it is not done where it did not pay: at first, and at most. Each time twice as many. */
const PAUSE = 2048;
const MAX_PAUSE = 65_536;

/**
 * Decides whether this thread, and those it sends tasks to, stay awake for a moment when they have sent something.
 *
 * Where a processor is free for each of them, short tasks come back several times sooner. Where there is none, one that
 * stays awake keeps another from its work. No figure tells which, so it is tried: some waits awake, some asleep, and
 * then for many what let more tasks end in less time. It is one decision for all of them, as one may gain by what the
 * others lose. A thread that waits for long tasks, or for somebody to call, gains nothing and sleeps.
 */
export class Polling {
  /** For how many turns the other side is to stay awake when it has sent something and has nothing else to do. */
  turns = 0;
  readonly #clock: () => number;
  readonly #poll: BusyPoll;
  /** How many wait. */
  #waiting = 0;
  #stage: 'awake' | 'asleep' | 'decided' = 'decided';
  /** How many waits this stage still has. */
  #left = PAUSE;
  /** When it began, and how many tasks have ended in it. */
  #since = 0;
  #tasks = 0;
  #timeAwake = 0;
  #proofs = 0;
  #pause = PAUSE;

  /**
   * @param clock - in any unit
   * @param nextTurn - calls back in the next turn of the event loop
   */
  constructor(clock: () => number = now, nextTurn?: (turn: () => void) => void) {
    this.#clock = clock;
    this.#poll = new BusyPoll(() => this.#ranOut(), nextTurn);
  }

  /** Something was sent to a thread or process that was not waited for. */
  begins(): void {
    this.#waiting++;
    this.#poll.start(this.turns);
  }

  /** Something has come from there, or it has gone. */
  ends(): void {
    if (--this.#waiting === 0) this.#poll.stop();
    if (--this.#left > 0) return;
    switch (this.#stage) {
      case 'awake':
        this.#timeAwake = this.#timePerTask();
        this.#enter('asleep', 0, TRIAL);
        break;
      case 'asleep':
        this.#judge(this.#timeAwake < this.#timePerTask() * GAIN);
        break;
      case 'decided':
        this.#enter('awake', TURNS, TRIAL);
        break;
    }
  }

  /** A task has ended in a thread or process. */
  taskEnded(): void {
    this.#tasks++;
  }

  #judge(pays: boolean): void {
    if (!pays) {
      this.#proofs = 0;
      this.#enter('decided', 0, this.#pause);
      this.#pause = Math.min(2 * this.#pause, MAX_PAUSE);
      return;
    }
    if (++this.#proofs < PROOFS) {
      this.#enter('awake', TURNS, TRIAL);
      return;
    }
    this.#proofs = 0;
    this.#pause = PAUSE;
    this.#enter('decided', TURNS, KEPT);
  }

  #enter(stage: 'awake' | 'asleep' | 'decided', turns: number, waits: number): void {
    this.#stage = stage;
    this.turns = turns;
    this.#left = waits;
    this.#since = this.#clock();
    this.#tasks = 0;
  }

  #timePerTask(): number {
    return (this.#clock() - this.#since) / this.#tasks;
  }

  #ranOut(): void {
    if (this.#stage === 'decided') this.#left = Math.max(1, this.#left - VAIN);
  }
}

/** That of this thread. */
export const polling = new Polling();
