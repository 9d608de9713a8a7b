import { checkCount, checkDuration, checkInteger, checkOptions, wrongType } from '../check.js';
import type { ChildWorkerSettings } from './child-worker.js';

/** What a ThreadWorker and a ProcessWorker have in common. */
export interface ChildWorkerOptions {
  /** How many tasks it interleaves, for tasks that await: an integer from 1. Default 1. */
  concurrency?: number;
  /** The series it serves; the default series only if `undefined` is listed. Default: every series. */
  series?: readonly unknown[];
  /**
   * How long a cancelled or timed-out task may take to end by itself, in milliseconds from when it was told to, before
   * it is killed with its thread or process: 0 or more. That waits for what else runs there as long as it answers. Also
   * how long a thread or process may take to exit when the worker is stopped. Default 100.
   */
  graceful?: number;
  /**
   * After this many tasks, updates not counted, the thread or process is replaced by a new one: an integer from 1.
   * Default: never.
   */
  maxTasks?: number;
  /** When it uses more bytes than this after a task, it is replaced by a new one: an integer from 1. Default: never. */
  maxMemory?: number;
}

export function checkChildOptions(options: ChildWorkerOptions): ChildWorkerSettings {
  checkOptions('options', options);
  const { concurrency = 1, series, graceful = 100, maxTasks, maxMemory } = options;
  return {
    concurrency: checkInteger('concurrency', concurrency, 1),
    series: checkSeries(series),
    graceful: checkDuration('graceful', graceful, { zero: true }),
    maxTasks: maxTasks === undefined ? Number.POSITIVE_INFINITY : checkInteger('maxTasks', maxTasks, 1),
    maxMemory: maxMemory === undefined ? Number.POSITIVE_INFINITY : checkInteger('maxMemory', maxMemory, 1),
  };
}

export function checkConcurrency(value: unknown): number {
  return checkCount('concurrency', value);
}

/** The series a worker names; null for every series. */
export function checkSeries(value: unknown): readonly unknown[] | null {
  if (value === undefined) return null;
  if (!Array.isArray(value)) throw wrongType('series', 'an array of series', value);
  return [...value];
}
