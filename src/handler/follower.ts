/** Who is to hear how a promise has settled. */
export interface Outcome {
  done(value: unknown): void;
  fail(error: unknown): void;
}

/** How many followers are kept for the next promises. */
const KEPT = 1000;

const free: Follower[] = [];

/** Tells `outcome` how the promise settles. */
export function follow(promise: Promise<unknown>, outcome: Outcome): void {
  (free.pop() ?? new Follower()).follow(promise, outcome);
}

/** Follows a promise to its end, and then the next one: two closures for as many as there are at a time, not for each. */
class Follower {
  #outcome: Outcome | null = null;

  follow(promise: Promise<unknown>, outcome: Outcome): void {
    this.#outcome = outcome;
    promise.then(this.#done, this.#failed);
  }

  readonly #done = (value: unknown) => this.#release().done(value);
  readonly #failed = (error: unknown) => this.#release().fail(error);

  #release(): Outcome {
    const outcome = this.#outcome as Outcome;
    this.#outcome = null;
    if (free.length < KEPT) free.push(this);
    return outcome;
  }
}
