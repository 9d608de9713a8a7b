import pLimit from 'p-limit';
import { checkCount, checkFunction, checkOptions } from '../check.js';
import type { TaskQueue } from '../queue/task-queue.js';
import type { NodeCore } from './core.js';

/** Where and how many at a time. */
export interface StartOptions {
  /** Runs the task references; functions run in the main thread all the same. Default: none, so all do. */
  queue?: TaskQueue;
  /**
   * How many nodes run in the main thread at a time: an integer from 1, or Infinity. Functions that spend their time
   * waiting for a queue need many. Default: Infinity with a queue, else 1.
   */
  concurrency?: number;
}

/** Starts nodes: task references through the queue if there is one, everything else here, a limited number at a time. */
export class Starter {
  readonly #queue: TaskQueue | undefined;
  readonly #limit: ReturnType<typeof pLimit>;
  /** What it has started and not heard the end of is among these. */
  readonly #started = new Set<NodeCore>();
  #isStopped = false;

  /** Throws TypeError or RangeError. */
  constructor({ queue, concurrency = queue === undefined ? 1 : Number.POSITIVE_INFINITY }: StartOptions) {
    if (queue !== undefined) {
      checkOptions('queue', queue);
      checkFunction('queue.submit', queue.submit);
    }
    this.#queue = queue;
    this.#limit = pLimit(checkCount('concurrency', concurrency));
  }

  /**
   * Starts a node now or when there is room for it, unless it is no longer the time to: then `mayStart` says no, or
   * something else has moved or blocked it.
   */
  start(core: NodeCore, mayStart: () => boolean): void {
    if (this.#queue !== undefined && core.isReference) {
      this.#started.add(core);
      core.enqueue(this.#queue);
      return;
    }
    void this.#limit(() => {
      if (this.#isStopped || !mayStart() || core.state !== 'PENDING' || core.unmet > 0) return undefined;
      this.#started.add(core);
      return core.dispatch();
    });
  }

  /** A node is over: whatever becomes of it now is not from here. */
  forget(core: NodeCore): void {
    this.#started.delete(core);
  }

  /** Starts nothing more. What waits in the queue is taken back; what runs goes on. */
  stop(): void {
    this.#isStopped = true;
    this.#limit.clearQueue();
    for (const core of this.#started) core.withdraw();
    this.#started.clear();
  }

  /** Starts nothing more, and cancels what it has started. */
  cancel(reason: unknown): void {
    this.#isStopped = true;
    this.#limit.clearQueue();
    for (const core of this.#started) if (core.state === 'QUEUED' || core.state === 'RUNNING') core.cancel(reason);
    this.#started.clear();
  }
}
