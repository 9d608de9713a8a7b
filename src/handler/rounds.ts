import { setImmediate } from 'node:timers';
import { soon } from '../soon.js';

/** How many rounds may follow each other as microtasks. */
const ROUNDS_IN_A_ROW = 100;

/**
 * Plans rounds: what happens in one turn is followed by one round, a microtask later. Also knows what besides tasks
 * goes on, as each beginning and end of that may matter to the next round.
 */
export class Rounds {
  readonly #run: () => void;
  #isPlanned = false;
  #count = 0;
  #occupations = 0;

  constructor(run: () => void) {
    this.#run = () => {
      this.#isPlanned = false;
      run();
    };
  }

  plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    // Tasks in the main thread may follow each other in microtasks for long; everybody else must have a turn, too.
    if (++this.#count % ROUNDS_IN_A_ROW === 0) setImmediate(this.#run);
    else soon(this.#run);
  }

  /** Whether something goes on that the program must stay alive for: updates, workers that come or go, readers. */
  get isOccupied(): boolean {
    return this.#occupations > 0;
  }

  /** Keeps the program alive until `work` has settled. */
  async occupy<T>(work: Promise<T>): Promise<T> {
    this.#occupations++;
    this.plan();
    try {
      return await work;
    } finally {
      this.#occupations--;
      this.plan();
    }
  }
}
