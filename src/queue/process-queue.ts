import { checkOptions } from '../check.js';
import { ProcessWorker, type ProcessWorkerOptions } from '../workers/process-worker.js';
import { PoolQueue, type PoolSizeOption } from './pool-queue.js';
import type { TaskQueueOptions } from './task-queue.js';

export interface ProcessQueueOptions extends TaskQueueOptions {
  /** How many processes: an integer from 1, or bounds. Default: one for each core. */
  processes?: PoolSizeOption;
  /** Options of each of them. */
  worker?: ProcessWorkerOptions;
}

/**
 * A queue that runs its tasks in child processes of its own.
 *
 * @example
 * ```ts
 * const queue = new ProcessQueue({ processes: { max: 4 } });
 * const sum = await queue.call((a: number, b: number) => a + b, [15, 15]);
 * ```
 */
export class ProcessQueue extends PoolQueue {
  /** @throws TypeError or RangeError for an invalid option. */
  constructor(options: ProcessQueueOptions = {}) {
    checkOptions('options', options);
    const { processes, worker = {}, ...others } = options;
    checkOptions('worker', worker);
    super(others, () => new ProcessWorker(worker), 'processes', processes);
  }
}
