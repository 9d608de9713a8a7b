export type { Clock } from '../clock.js';
export { AlreadyRunningError, NotRunningError } from '../errors.js';
export type { Logger } from '../queue/options.js';
export type { TaskIterable } from './iterable-task-source.js';
export {
  type ConsumeOptions,
  ParallelLimitedTaskConsumer,
  type ParallelLimitedTaskConsumerOptions,
} from './parallel-limited-task-consumer.js';
export type { Product } from './poller.js';
export { PollingTaskSource, type PollingTaskSourceOptions } from './polling-task-source.js';
export type { SourceTask, TaskConsumer, TaskSource } from './task-source.js';
