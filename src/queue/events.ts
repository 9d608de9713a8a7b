import type { IWorker } from '../workers/worker.js';
import type { TaskHandle } from './task-handle.js';

/**
 * Why a series does not move: no worker may serve it, or every place is taken by tasks that wait for calls of their
 * own. Of those the queue knows that were made before the first `await` of a task.
 */
export type StallReason = 'unserved' | 'deadlock';

/** The events of a queue, with what listeners get. */
export interface QueueEvents {
  /** A task waits. */
  queued: [task: TaskHandle];
  /** A worker has begun it. */
  started: [task: TaskHandle];
  /** It reported progress. */
  progress: [task: TaskHandle, progress: unknown];
  done: [task: TaskHandle];
  failed: [task: TaskHandle, error: unknown];
  cancelled: [task: TaskHandle, reason: unknown];
  /** It is to be run again after `error`. */
  retry: [task: TaskHandle, error: unknown];
  /** Nothing waits and nothing has started. */
  idle: [];
  /** Nothing waits. */
  empty: [];
  /** Tasks of `series` can't start; `ids` are the tasks that hold each other up. */
  stalled: [series: unknown, reason: StallReason, ids: readonly string[]];
  workerAttached: [worker: IWorker];
  /** It can't go on and was dropped. */
  workerLost: [worker: IWorker, error: Error];
  /** Its thread or process died or was recycled (`maxTasks`, `maxMemory`), and a new one has taken its place. */
  workerReplaced: [worker: IWorker];
  workerDetached: [worker: IWorker];
}
