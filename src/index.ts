export {
  isNiceqError,
  NiceqError,
  type NiceqErrorCode,
  type NiceqErrorOf,
  NotPortableError,
  QueueClosedError,
  QueueFullError,
  TaskCancelledError,
  TaskModuleError,
  TaskTimeoutError,
  type WorkerLoss,
  WorkerLostError,
  WorkerStartError,
} from './errors.js';
export type { Consumer, ItemConsumer } from './iteration/feed.js';
export type { ItemSource } from './iteration/iteration.js';
export { AsyncQueue, type AsyncQueueOptions } from './queue/async-queue.js';
export type { QueueEvents, StallReason } from './queue/events.js';
export type {
  CallOptions,
  DetachOptions,
  Logger,
  MapOptions,
  RetryOptions,
  ShutdownMode,
  ShutdownOptions,
  UpdateOptions,
} from './queue/options.js';
export type { PoolSizeOption } from './queue/pool-queue.js';
export { ProcessQueue, type ProcessQueueOptions } from './queue/process-queue.js';
export type { QueueStats, SeriesStats, TaskStats, WorkerStats } from './queue/stats.js';
export type { Times } from './queue/tally.js';
export type { TaskHandle, TaskState } from './queue/task-handle.js';
export { TaskQueue, type TaskQueueOptions } from './queue/task-queue.js';
export { ThreadQueue, type ThreadQueueOptions } from './queue/thread-queue.js';
export type { Callee, Result } from './queue/types.js';
export type { LimitRule } from './scheduling/limiter.js';
export { type TaskContext, taskContext } from './tasks/task-context.js';
export { type AnyFunction, type TaskModule, type TaskRef, taskModule } from './tasks/task-module.js';
export { type Transferable, transferable } from './tasks/transferable.js';
export { PromiseTracker } from './tools/promise-tracker.js';
export { type UntilOptions, until } from './tools/until.js';
export type { WaitOptions } from './tools/wait.js';
export { AsyncWorker, type AsyncWorkerOptions } from './workers/async-worker.js';
export { ProcessWorker, type ProcessWorkerOptions } from './workers/process-worker.js';
export { ThreadWorker, type ThreadWorkerOptions } from './workers/thread-worker.js';
export type { Assignment, Employer, IWorker } from './workers/worker.js';
