import type { Transferable } from 'node:worker_threads';
import type { Consumer } from '../iteration/feed.js';

/** How often a task is run again, by what went wrong. Numbers of times are integers from 0, or Infinity. */
export interface RetryOptions {
  /** After its thread or process died. Default 1. */
  lost?: number;
  /** After it ran out of time; never in the main thread. Default 1. */
  timeout?: number;
  /**
   * After it threw: a number, or whether to try again after this error of attempt number `attempt`, said at once: with a
   * promise the task fails with a TypeError that has the error as its `cause`. Default 0.
   */
  error?: number | ((error: unknown, attempt: number) => boolean);
  /**
   * Milliseconds from the end of an attempt until it is queued again, from 0, or a function of the number of the attempt
   * that failed. Default 0.
   */
  delay?: number | ((attempt: number) => number);
}

export type RetryPolicy = Required<RetryOptions>;

/**
 * What a queue can write to: `console`, winston... Details are the errors. pino wants those first, so wrap it:
 * `error: (message, error) => log.error(error, message)`.
 */
export interface Logger {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

/** Options of a call. */
export interface CallOptions {
  /** Tasks of a series start in order, and series share the workers: any value. Default: the default series, undefined. */
  series?: unknown;
  /** An integer from -20 to 20; lower is sooner: +10 halves the share. Default 0. */
  niceness?: number;
  /** Kind of worker: `'async'`, `'thread'`, `'process'`, `'remote'`, one of your own, or `'local'`: any but remote. Default: any. */
  on?: 'async' | 'thread' | 'process' | 'remote' | 'local' | (string & {});
  /** Before everything else, of any series and niceness. Not with `doLast`. Default false. */
  doNext?: boolean;
  /** After everything else, of any series and niceness. Not with `doNext`. Default false. */
  doLast?: boolean;
  /** Milliseconds that an attempt may take, from when a worker starts it: more than 0, or Infinity. Default: the queue's. */
  timeout?: number;
  /** Merged over the queue's. */
  retry?: RetryOptions;
  /** Cancels the task; its promise rejects with the signal's reason. Default: none. */
  signal?: AbortSignal;
  /** What is handed over to a thread instead of copied. Such a task is never run again. Default: nothing. */
  transfer?: readonly Transferable[];
  /**
   * Takes the items of a task that returns an iterator: a WritableStream, a Writable, or an object with `write`. The
   * call then resolves with it when it has finished. A result that is no iterator ends it.
   */
  consumer?: Consumer;
  /** What the task costs its series: 0.001..1000. Default 1. */
  weight?: number;
  /** Your label. Default: a unique string. */
  id?: string;
}

/** Options of `map`; those of a call are each task's. */
export interface MapOptions extends Omit<CallOptions, 'consumer' | 'transfer' | 'id'> {
  /** true: results in input order; false: as tasks end. Default true. */
  ordered?: boolean;
  /**
   * How many items of the input may be ahead of the reader: an integer from 1. Default: twice the queue's capacity,
   * but 2 to 64.
   */
  inFlight?: number;
}

export interface UpdateOptions {
  /** Only on workers that serve this series. Default: on all. */
  series?: unknown;
  /** true: only on the workers there are now. Default false. */
  ephemeral?: boolean;
  /** Replaces the kept update with the same key. Default: none. */
  key?: unknown;
}

export interface DetachOptions {
  /** Whether its unfinished tasks are queued again, without using up a retry; else they are cancelled. Default true. */
  reassign?: boolean;
  /** Stop it at once. Default false. */
  crash?: boolean;
  /** Milliseconds from the call after which a graceful end becomes a crash: 0 or more. Default: never. */
  timeout?: number;
}

export type ShutdownMode = 'drain' | 'finish' | 'crash';

export interface ShutdownOptions {
  /**
   * `'drain'` runs what is queued first; `'finish'` finishes what has started, cancels what waits; `'crash'` stops at
   * once, and waits for killed threads and processes to be gone, a second at most. Default `'drain'`.
   */
  mode?: ShutdownMode;
  /** Milliseconds from the call after which it becomes a crash: 0 or more. Default: never. */
  timeout?: number;
}
