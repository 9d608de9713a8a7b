import { availableParallelism } from 'node:os';
import { checkDuration, checkInteger, checkOptions, outOfRange } from '../check.js';
import { Pool, type PoolSize } from '../handler/pool.js';
import type { IWorker } from '../workers/worker.js';
import { TaskQueue, type TaskQueueOptions } from './task-queue.js';

/** How many workers there are: a fixed number, started when first needed; or as many as the work needs. */
export type PoolSizeOption =
  | number
  | {
      /** Never fewer than this, once they were needed: an integer from 0. Default 0. */
      min?: number;
      /** Never more: an integer from 1, at least `min`. Default: the machine's cores, or `min` if that is more. */
      max?: number;
      /** Milliseconds without a task after which one beyond `min` is dismissed, or Infinity. Default 10,000. */
      idleTimeout?: number;
    };

/** A queue that hires workers of one kind as they are needed. */
export abstract class PoolQueue extends TaskQueue {
  readonly #pool: Pool;
  readonly #sizeName: string;

  /** @internal */
  protected constructor(options: TaskQueueOptions, create: () => IWorker, sizeName: string, size?: PoolSizeOption) {
    const poolSize = checkSize(sizeName, size);
    super(options);
    this.#sizeName = sizeName;
    this.#pool = new Pool(this.handler, create, poolSize);
    this.handler.workforce.recruiter = this.#pool;
  }

  override get capacity(): number {
    return super.capacity + this.#pool.vacancy;
  }

  /** Changes the number of workers: what those beyond it have started is finished first. */
  resize(size: PoolSizeOption): void {
    this.#pool.resize(checkSize(this.#sizeName, size));
  }

  /** @internal */
  protected override ended(): void {
    this.#pool.close();
  }
}

function checkSize(name: string, size: PoolSizeOption = availableParallelism()): PoolSize {
  if (typeof size === 'number') {
    const count = checkInteger(name, size, 1);
    return { min: count, max: count, idleTimeout: Number.POSITIVE_INFINITY };
  }
  checkOptions(name, size, 'a number or an object');
  const { min = 0, idleTimeout = 10_000 } = size;
  checkInteger(`${name}.min`, min, 0);
  const { max = Math.max(min, availableParallelism()) } = size;
  checkInteger(`${name}.max`, max, 1);
  if (max < min) throw outOfRange(`${name}.max`, `at least \`min\`, which is ${min}`, max);
  checkDuration(`${name}.idleTimeout`, idleTimeout, { zero: true, infinity: true });
  return { min, max, idleTimeout };
}
