import { checkOptions } from '../check.js';
import { ThreadWorker, type ThreadWorkerOptions } from '../workers/thread-worker.js';
import { PoolQueue, type PoolSizeOption } from './pool-queue.js';
import type { TaskQueueOptions } from './task-queue.js';

export interface ThreadQueueOptions extends TaskQueueOptions {
  /** How many threads: an integer from 1, or bounds. Default: one for each core. */
  threads?: PoolSizeOption;
  /** Options of each of them. */
  worker?: ThreadWorkerOptions;
}

/**
 * A queue that runs its tasks in threads of its own.
 *
 * @example
 * ```ts
 * const queue = new ThreadQueue({ threads: 4 });
 * const sum = await queue.call((a: number, b: number) => a + b, [15, 15]);
 * ```
 */
export class ThreadQueue extends PoolQueue {
  /** @throws TypeError or RangeError for an invalid option. */
  constructor(options: ThreadQueueOptions = {}) {
    checkOptions('options', options);
    const { threads, worker = {}, ...others } = options;
    checkOptions('worker', worker);
    super(others, () => new ThreadWorker(worker), 'threads', threads);
  }
}
