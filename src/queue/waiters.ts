/** Promises for a condition that is looked at whenever something may have changed. */
export class Waiters {
  #waiting: { isMet: () => boolean; resolve: () => void }[] = [];

  /** Resolves when `isMet` holds: at once, or when `check` finds that it does. */
  until(isMet: () => boolean): Promise<void> {
    if (isMet()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ isMet, resolve });
    });
  }

  check(): void {
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.filter(({ isMet, resolve }) => {
      if (!isMet()) return true;
      resolve();
      return false;
    });
  }
}
