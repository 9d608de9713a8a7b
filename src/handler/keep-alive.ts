import { MAX_DURATION } from '../check.js';

let needed = 0;
let timer: NodeJS.Timeout | null = null;

/**
 * Keeps the program alive while a queue waits for something. Threads, processes and their channels never do that by
 * themselves, so this is the only place where it is decided. All queues share one timer.
 */
export class KeepAlive {
  #isNeeded = false;

  set(isNeeded: boolean): void {
    if (isNeeded === this.#isNeeded) return;
    this.#isNeeded = isNeeded;
    needed += isNeeded ? 1 : -1;
    timer ??= setInterval(() => {}, MAX_DURATION);
    if (needed > 0) timer.ref();
    else timer.unref();
  }
}
