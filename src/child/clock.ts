/**
 * The parent's clock, as it is read in a thread or process. Not by `performance`: for that a new thread has to load a
 * dozen modules of Node, 0.1 MB.
 */

let epoch = 0;

/** `at`: when `process.hrtime` began to count, in epoch milliseconds by the parent's clock. */
export function setClock(at: number): void {
  epoch = at;
}

/** The time now, in epoch milliseconds with fractions. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return epoch + seconds * 1000 + nanoseconds / 1e6;
}
