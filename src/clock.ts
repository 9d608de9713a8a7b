/** The time now, in epoch milliseconds with fractions, on a clock that never runs backwards. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
