import { setImmediate } from 'node:timers';

/**
 * Keeps the event loop of its thread turning for a moment where it would fall asleep: to wake a thread takes longer
 * than most short tasks. What turns is the loop, so timers and sockets are served as ever.
 */
export class BusyPoll {
  readonly #ranOut: () => void;
  readonly #nextTurn: (turn: () => void) => void;
  /** How many more turns it keeps awake. */
  #turns = 0;
  #isTurning = false;

  /**
   * @param ranOut - is told when all the turns have passed
   * @param nextTurn - calls back in the next turn of the event loop
   */
  constructor(ranOut: () => void = () => {}, nextTurn: (turn: () => void) => void = setImmediate) {
    this.#ranOut = ranOut;
    this.#nextTurn = nextTurn;
  }

  /** Keeps awake for so many turns from now on. */
  start(turns: number): void {
    this.#turns = turns;
    if (turns === 0 || this.#isTurning) return;
    this.#isTurning = true;
    this.#nextTurn(this.#turn);
  }

  stop(): void {
    this.#turns = 0;
  }

  readonly #turn = () => {
    if (this.#turns > 1) {
      this.#turns--;
      this.#nextTurn(this.#turn);
      return;
    }
    this.#isTurning = false;
    if (this.#turns === 0) return;
    this.#turns = 0;
    this.#ranOut();
  };
}
