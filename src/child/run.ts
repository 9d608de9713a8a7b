import { decodeError, type ErrorRecord } from '../protocol/error-record.js';
import type { ContextSource, TaskContext } from '../tasks/task-context.js';
import { idOf, type TaskKey } from '../tasks/task-key.js';
import type { TaskFunction } from './functions.js';
import type { Producer } from './producer.js';

/** Who runs it. */
export interface RunOwner {
  readonly workerId: number;
  /** The task tells how far it is. */
  report(run: Run, progress: unknown): void;
}

/** One task that was sent here. */
export class Run implements ContextSource {
  readonly owner: RunOwner;
  readonly slot: number;
  readonly ticket: number;
  readonly task: TaskFunction;
  readonly key: TaskKey;
  readonly attempt: number;
  readonly series: unknown;
  readonly args: unknown[];
  startedAt = 0;
  /** Makes the items, if it has returned an iterator. */
  producer: Producer | null = null;
  #controller: AbortController | null = null;
  #abortReason: ErrorRecord | null = null;

  constructor(
    owner: RunOwner,
    slot: number,
    ticket: number,
    task: TaskFunction,
    key: TaskKey,
    attempt: number,
    series: unknown,
    args: unknown[],
  ) {
    this.owner = owner;
    this.slot = slot;
    this.ticket = ticket;
    this.task = task;
    this.key = key;
    this.attempt = attempt;
    this.series = series;
    this.args = args;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#abortReason !== null) this.#controller.abort(decodeError(this.#abortReason));
    }
    return this.#controller.signal;
  }

  abort(reason: ErrorRecord): void {
    this.#abortReason = reason;
    this.#controller?.abort(decodeError(reason));
  }

  context(): TaskContext {
    const run = this;
    return {
      id: idOf(this.key),
      attempt: this.attempt,
      series: this.series,
      workerId: this.owner.workerId,
      get signal() {
        return run.signal;
      },
      report: (progress) => this.owner.report(this, progress),
    };
  }
}
