import { checkOptions } from '../check.js';
import { AsyncWorker } from '../workers/async-worker.js';
import { checkConcurrency } from '../workers/options.js';
import { TaskQueue, type TaskQueueOptions } from './task-queue.js';

export interface AsyncQueueOptions extends TaskQueueOptions {
  /** How many tasks run at a time: an integer from 1, or Infinity. Default Infinity. */
  concurrency?: number;
}

/**
 * A queue that runs its tasks in the main thread.
 *
 * @example
 * ```ts
 * const queue = new AsyncQueue({ concurrency: 10 });
 * const pages = await Promise.all(urls.map((url) => queue.call(fetchPage, [url])));
 * ```
 */
export class AsyncQueue extends TaskQueue {
  readonly #worker: AsyncWorker;

  /** @throws TypeError or RangeError for an invalid option. */
  constructor(options: AsyncQueueOptions = {}) {
    checkOptions('options', options);
    const { concurrency = Number.POSITIVE_INFINITY, workers = [], ...others } = options;
    const worker = new AsyncWorker({ concurrency });
    // What is no array is refused there.
    super({ ...others, workers: Array.isArray(workers) ? [worker, ...workers] : workers });
    this.#worker = worker;
  }

  /** How many tasks run at a time. Can be set: what has started goes on. */
  get concurrency(): number {
    return this.#worker.concurrency;
  }

  set concurrency(concurrency: number) {
    this.#worker.concurrency = checkConcurrency(concurrency);
    this.handler.workforce.capacityChanged(this.#worker);
  }
}
