import type { Limiter } from './limiter.js';
import type { Desk } from './seat.js';

/** Places that nothing is in, by desk, to tell how much of what waits could take one now. */
export class Places {
  readonly #now: number;
  readonly #free = new Map<Desk, number>();
  /** What limits still allow. */
  readonly #allowances = new Map<Limiter, number>();

  constructor(now: number) {
    this.#now = now;
  }

  add(desk: Desk, count: number): void {
    this.#free.set(desk, this.#freeAt(desk) + count);
  }

  /** Takes places at any of these desks for up to `count` jobs, as far as limits allow. Returns for how many. */
  take(desks: readonly Desk[], count: number, limiters: readonly Limiter[]): number {
    const wanted = limiters.reduce((least, limiter) => Math.min(least, this.#allowanceOf(limiter)), count);
    let taken = 0;
    for (const desk of desks) {
      const free = this.#freeAt(desk);
      const some = Math.min(free, wanted - taken);
      this.#free.set(desk, free - some);
      taken += some;
    }
    for (const limiter of limiters) this.#allowances.set(limiter, this.#allowanceOf(limiter) - taken);
    return taken;
  }

  #freeAt(desk: Desk): number {
    return this.#free.get(desk) ?? 0;
  }

  #allowanceOf(limiter: Limiter): number {
    return this.#allowances.get(limiter) ?? limiter.allowance(this.#now);
  }
}
