import type { Transferable } from 'node:worker_threads';
import type { WorkerLostError } from '../errors.js';
import type { ItemSource } from '../iteration/iteration.js';
import type { TaskKey } from '../tasks/task-key.js';
import type { AnyFunction, TaskRef } from '../tasks/task-module.js';

/**
 * What the queue needs of a worker. AsyncWorker, ThreadWorker and ProcessWorker are three; write your own to run tasks
 * anywhere else. What its optional methods throw, or reject with, goes where errors of listeners go; `holds` and
 * `recall` then count as false.
 *
 * @example
 * ```ts
 * class LoggingWorker implements IWorker {
 *   readonly kind = 'logging';
 *   readonly series = null;
 *   readonly concurrency = 1;
 *   async start() {}
 *   run(assignment: Assignment) {
 *     assignment.started();
 *     Promise.resolve(assignment.invoke()).then(
 *       (value) => assignment.done(value),
 *       (error) => assignment.fail(error),
 *     );
 *   }
 *   async stop() {}
 *   crash() {}
 * }
 * await queue.attachWorker(new LoggingWorker());
 * ```
 */
export interface IWorker {
  /** Its number in the queue, from 1. Set by the queue when it is attached. */
  id?: number;
  /** `'async'`, `'thread'`, `'process'`, `'remote'` or a name of your own, for the option `on` of calls. */
  readonly kind: string;
  /** The series it serves at first; null for every series. */
  readonly series: readonly unknown[] | null;
  /** How many tasks it runs at a time: an integer from 1, or Infinity. */
  readonly concurrency: number;
  /** Resolves when `run` may be called. Rejects when it can't start; then it is not hired. */
  start(employer: Employer): Promise<void>;
  /** Runs a task, or begins to. Must not throw: errors go to `assignment.fail`. */
  run(assignment: Assignment): void;
  /**
   * Whether it would take one more assignment than it can run now, ahead of its turn, to save a round trip. Only for
   * workers with `recall`; without it the worker is never given more than `concurrency`.
   */
  holds?(fn: AnyFunction | TaskRef): boolean;
  /** Gives back an assignment that has not started: true if so, and then it never will. */
  recall?(assignment: Assignment): boolean | Promise<boolean>;
  /**
   * Ends a running assignment early: it was cancelled or has run out of time. Its outcome does not matter any more, but
   * it keeps its place until `done` or `fail` is called. Without this method only `assignment.signal` aborts.
   */
  cancel?(assignment: Assignment, reason: unknown): void;
  /** Ends gracefully. Is called when every assignment has settled, or was given up. */
  stop(): Promise<void>;
  /**
   * Ends at once. It need not settle anything any more. If it returns a promise, whoever detaches it or shuts the queue
   * down waits for that.
   */
  crash(): void | Promise<void>;
  /** Memory in use, in bytes. */
  memory?(): Promise<number>;
}

/** What a worker can tell the queue that hired it. */
export interface Employer {
  /** It can't go on: it is dropped, and its tasks go elsewhere. */
  resign(error: Error): void;
  /**
   * What it runs tasks on has died, and is being replaced. Tasks that were running count as lost, except those in
   * `unstarted`, which never began. No assignment comes before `ready`.
   */
  lost(error: WorkerLostError, unstarted: readonly Assignment[]): void;
  /** It takes no more assignments before `ready`; it finishes what it has started and gives back the rest. */
  pause(): void;
  /**
   * It can run tasks again, after `lost` or `pause`. The kept updates are run first. Resolves when they have run;
   * rejects when one fails, and then no tasks come.
   */
  ready(): Promise<void>;
}

/** One attempt to run one task, in the hands of a worker. */
export interface Assignment {
  /** The task's id. */
  readonly id: string;
  /** What `id` is made of, for a worker that sends it somewhere: the label of the call, or a number. */
  readonly key: TaskKey;
  /** A function as it was passed to `call`, or a reference to one in a task module. */
  readonly fn: AnyFunction | TaskRef;
  readonly args: unknown[];
  /** 1 for the first run of the task. */
  readonly attempt: number;
  /** Whether it is an update, which every worker runs, not a task from the queue. */
  readonly isUpdate: boolean;
  /**
   * The name of an update that is kept for later workers, for a worker that keeps updates itself: one with the same
   * name replaces it. Null for an update that is not kept, and for a task.
   */
  readonly keepAs: string | null;
  /** How much the task gives way to others: -20 to 20. */
  readonly niceness: number;
  /** Whether the task goes before everything else. */
  readonly doNext: boolean;
  /** Whether the task goes after everything else. */
  readonly doLast: boolean;
  /** The series the task belongs to. */
  readonly series: unknown;
  /** What is to be handed over with the arguments instead of copied. */
  readonly transfer: readonly Transferable[];
  /** Aborts when the task is cancelled or has run out of time. */
  readonly signal: AbortSignal;
  /** The worker's own: what it wants to find again when it is asked for the assignment. Nobody else looks at it. */
  token?: unknown;
  /** The task has begun, now or at `at` (epoch milliseconds). A second call only corrects the time. */
  started(at?: number): void;
  /** Passes on the progress of the task. */
  progress(progress: unknown): void;
  /**
   * The task has returned `value`, now or at `at`. If that is an iterator, the caller gets its items as they are asked
   * for; if a promise, the task ends as that does, unless it is said to end otherwise before. What is said after the end
   * is ignored.
   */
  done(value: unknown, at?: number): void;
  /** The task has returned an iterator, now or at `at`, and its items come from `source`. */
  iterate(source: ItemSource, at?: number): void;
  /** The task has failed with `error`, now or at `at`. */
  fail(error: unknown, at?: number): void;
  /**
   * What ran this task has died, and the worker goes on: the task is run again as its `retry.lost` allows, or fails
   * with `error`. Later calls of `done`, `iterate` and `fail` are ignored.
   */
  lost(error: WorkerLostError): void;
  /**
   * Calls the function in this thread, in the async context of whoever called the queue and with `taskContext()` in
   * place. `fn` must be given for a task reference.
   */
  invoke(fn?: AnyFunction): unknown;
}
