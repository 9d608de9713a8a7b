import { soon } from './soon.js';

// Read once: the getter costs as much as the clock itself.
const { timeOrigin } = performance;

/**
 * The time now, in epoch milliseconds with fractions, on a clock that never runs backwards. The global clock, looked up
 * at each call, as tests may replace it and Node's timers together.
 */
export function now(): number {
  return timeOrigin + performance.now();
}

/** When `process.hrtime` began to count, by this clock: with that, children read the same clock. */
export function epochOfHrtime(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return now() - seconds * 1000 - nanoseconds / 1e6;
}

/** A reading of the clock that many share. */
export class Moment {
  readonly at = now();
}

let moment: Moment | null = null;
const forget = () => {
  moment = null;
};

/** The time of this turn, read when somebody first asks for it; as Node's timers count from the time of theirs. */
export function thisTurn(): Moment {
  if (moment === null) {
    moment = new Moment();
    soon(forget);
  }
  return moment;
}

/** Timers: those of Node, or others that a test moves by hand. */
export interface Clock {
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** Node's own timers, looked up at each call: tests may replace them at any time. */
export const systemClock: Clock = {
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
