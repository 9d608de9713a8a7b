import { checkOptions } from '../check.js';
import { loadTask } from '../tasks/load-task.js';
import { type AnyFunction, isTaskRef } from '../tasks/task-module.js';
import { isThenable, toPromise } from '../tasks/thenable.js';
import { checkConcurrency, checkSeries } from './options.js';
import type { Assignment, IWorker } from './worker.js';

export interface AsyncWorkerOptions {
  /** How many tasks it interleaves: an integer from 1, or Infinity. Default 1. */
  concurrency?: number;
  /** The series it serves; the default series only if `undefined` is listed. Default: every series. */
  series?: readonly unknown[];
}

/**
 * Runs tasks in the main thread, several at a time if they await. The caller's AsyncLocalStorage is kept.
 *
 * @example
 * ```ts
 * const queue = new TaskQueue({ workers: [new AsyncWorker({ concurrency: 10 })] });
 * const page = await queue.call(fetchPage, [url]);
 * ```
 */
export class AsyncWorker implements IWorker {
  readonly kind = 'async';
  readonly series: readonly unknown[] | null;
  concurrency: number;
  id?: number;
  readonly #loaded = new Map<string, AnyFunction>();
  readonly #followers: Follower[] = [];

  /** @throws TypeError or RangeError for an invalid option. */
  constructor(options: AsyncWorkerOptions = {}) {
    checkOptions('options', options);
    const { concurrency = 1, series } = options;
    this.concurrency = checkConcurrency(concurrency);
    this.series = checkSeries(series);
  }

  async start(): Promise<void> {}

  run(assignment: Assignment): void {
    assignment.started();
    const { fn } = assignment;
    if (!isTaskRef(fn)) {
      this.#invoke(assignment, fn);
      return;
    }
    const key = `${fn.url}\n${fn.name}`;
    const loaded = this.#loaded.get(key);
    if (loaded !== undefined) {
      this.#invoke(assignment, loaded);
      return;
    }
    loadTask(fn.url, fn.name).then(
      (found) => {
        this.#loaded.set(key, found);
        this.#invoke(assignment, found);
      },
      (error) => assignment.fail(error),
    );
  }

  #invoke(assignment: Assignment, fn: AnyFunction): void {
    let result: unknown;
    let pending: Promise<unknown> | null;
    try {
      result = assignment.invoke(fn);
      pending = isThenable(result) ? toPromise(result) : null;
    } catch (error) {
      assignment.fail(error);
      return;
    }
    if (pending === null) {
      assignment.done(result);
      return;
    }
    const follower = this.#followers.pop() ?? new Follower(this.#followers);
    follower.follow(assignment, pending);
  }

  async stop(): Promise<void> {}

  crash(): void {}
}

/** How many followers are kept for the next promises. */
const FOLLOWERS = 1000;

/** Follows a promise to its end, and then the next one: two closures for as many as run at a time, not for each. */
class Follower {
  readonly #free: Follower[];
  #assignment: Assignment | null = null;

  constructor(free: Follower[]) {
    this.#free = free;
  }

  follow(assignment: Assignment, promise: Promise<unknown>): void {
    this.#assignment = assignment;
    promise.then(this.#done, this.#failed);
  }

  readonly #done = (value: unknown) => this.#release().done(value);
  readonly #failed = (error: unknown) => this.#release().fail(error);

  #release(): Assignment {
    const assignment = this.#assignment as Assignment;
    this.#assignment = null;
    if (this.#free.length < FOLLOWERS) this.#free.push(this);
    return assignment;
  }
}
