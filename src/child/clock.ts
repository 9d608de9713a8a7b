/**
 * The parent's clock, as it is read in a thread or process. Not `performance`: with it Node loads a dozen modules that no
 * new thread has, which takes it longer than all else that happens at its start.
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
