import { checkOptions } from '../check.js';
import { loadTask } from '../tasks/load-task.js';
import { type AnyFunction, isTaskRef } from '../tasks/task-module.js';
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
    try {
      result = assignment.invoke(fn);
    } catch (error) {
      assignment.fail(error);
      return;
    }
    // A promise is followed to its end.
    assignment.done(result);
  }

  async stop(): Promise<void> {}

  crash(): void {}
}
