import { isNiceqError, type WorkerLostError } from '../../errors.js';
import type { UpdateOptions } from '../../queue/options.js';
import { HELD, QUEUED, RUNNING, type Task } from '../../queue/task.js';
import type { TaskHandle } from '../../queue/task-handle.js';
import { TaskQueue } from '../../queue/task-queue.js';
import type { TaskRef } from '../../tasks/task-module.js';

/** What an update has given. */
export interface Given {
  readonly value: unknown;
}

/** Who hears of a task. */
export interface TaskListener {
  /** It begins. */
  started(): void;
  progressed(progress: unknown): void;
}

/** The queue of a server: each of its tasks is one attempt of a task of another queue, which decides about the next. */
export class ServerQueue extends TaskQueue {
  readonly #listeners = new Map<TaskHandle, TaskListener>();
  readonly #thrown: WeakSet<WeakKey>;

  constructor() {
    const thrown = new WeakSet<WeakKey>();
    // Is asked about what tasks throw, and not about what becomes of their workers.
    const error = (reason: unknown) => {
      if (typeof reason === 'object' && reason !== null) thrown.add(reason);
      return false;
    };
    super({ retry: { lost: 0, timeout: 0, error } });
    this.#thrown = thrown;
    this.on('started', (task) => this.#listeners.get(task)?.started());
    this.on('progress', (task, progress) => this.#listeners.get(task)?.progressed(progress));
  }

  /** `attempt` is 1 for its first run by the calling queue. `listener` hears of the task until `leave`. */
  perform(
    ref: TaskRef,
    args: unknown[],
    { id, series, attempt }: { id: string; series: unknown; attempt: number },
    listener: TaskListener,
  ): Task {
    // What `submit` returns is the task itself. It starts a microtask later at the earliest.
    const task = this.submit(ref, args, { id, series }) as unknown as Task;
    task.extras.earlierAttempts = attempt - 1;
    this.#listeners.set(task, listener);
    return task;
  }

  /**
   * Runs an update on every worker. Resolves with what it gave on the first, or throws what it threw on the first that it
   * failed on, instead of the error that gathers them. Null if the queue ends before: that is not its fault.
   */
  async updateAll(ref: TaskRef, args: unknown[], options: UpdateOptions): Promise<Given | null> {
    try {
      const [value] = await this.update(ref, args, options);
      return { value };
    } catch (error) {
      const reason = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
      if (!this.isRunning && isNiceqError(reason)) return null;
      throw reason;
    }
  }

  /** The task's listener hears no more of it. */
  leave(task: Task): void {
    this.#listeners.delete(task);
  }

  /** Whether a worker serves the series. */
  serves(series: unknown): boolean {
    return this.handler.workforce.serves(series);
  }

  /** Whether a task threw this, and did not fail because its worker had died. */
  hasThrown(error: object): boolean {
    return this.#thrown.has(error);
  }

  /** Gives up what waits for workers that are gone. */
  loseUnserved(error: WorkerLostError): void {
    const { scheduler } = this.handler;
    for (const task of this.handler.tasks((one) => one.phase === QUEUED && !scheduler.isServed(one))) {
      this.handler.abort(task, error);
    }
  }

  /** Tells a task that it should end. Other than one that is cancelled it settles only when it has. */
  end(task: Task, reason: unknown): void {
    if (task.phase === HELD || task.phase === RUNNING) task.attempt?.abort(reason);
    else this.handler.abort(task, reason);
  }
}
