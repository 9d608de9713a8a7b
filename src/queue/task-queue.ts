import { inspect } from 'node:util';
import {
  checkBoolean,
  checkCount,
  checkDuration,
  checkFunction,
  checkInteger,
  checkOneOf,
  checkOptions,
  wrongType,
} from '../check.js';
import { QueueClosedError, QueueFullError } from '../errors.js';
import { GuardedEmitter } from '../guarded-emitter.js';
import type { HandlerHost } from '../handler/host.js';
import { TaskHandler } from '../handler/task-handler.js';
import { type KeptUpdate, updateName } from '../handler/updates.js';
import { checkFree } from '../handler/workforce.js';
import type { Consumer } from '../iteration/feed.js';
import { MapIterator } from '../iteration/map.js';
import { checkLogger } from '../logger.js';
import { sourceOf } from '../protocol/portable.js';
import type { Requirement } from '../scheduling/acceptance.js';
import type { LimitRule } from '../scheduling/limiter.js';
import { isSameKey } from '../scheduling/series.js';
import type { AnyFunction, TaskRef } from '../tasks/task-module.js';
import type { IWorker } from '../workers/worker.js';
import { checkCallee, checkRetry, checkTimeout, makeCall } from './call.js';
import type { QueueEvents, StallReason } from './events.js';
import type {
  CallOptions,
  DetachOptions,
  Logger,
  MapOptions,
  RetryOptions,
  ShutdownMode,
  ShutdownOptions,
  UpdateOptions,
} from './options.js';
import { Shutdown } from './shutdown.js';
import { type QueueStats, Stats } from './stats.js';
import { CANCELLED, DONE, FAILED, Task, type TaskSettings } from './task.js';
import type { TaskHandle } from './task-handle.js';
import type { Arguments, Callee, Result } from './types.js';
import { Waiters } from './waiters.js';

export interface TaskQueueOptions {
  /** The workers to begin with, besides those of a ready-made queue; more can be attached later. Default: none. */
  workers?: readonly IWorker[];
  /**
   * Milliseconds that an attempt of a task may take, from when a worker starts it: more than 0, to 2147483647, or
   * Infinity. Default: no limit.
   */
  timeout?: number;
  /** How often a task is run again. Default `{ lost: 1, timeout: 1, error: 0, delay: 0 }`. */
  retry?: RetryOptions;
  /**
   * How many tasks may wait, besides those that a free worker can take at once and those that are run again: an integer
   * from 1. Further calls are rejected with QueueFullError, without a `failed` event. Default: no bound.
   */
  maxQueued?: number;
  /** false: paused until `resume()`. Default true. */
  autoStart?: boolean;
  /** Is told of listeners that throw, workers that are dropped and tasks that can't start (`stalled`). Default: none. */
  logger?: Logger;
}

/**
 * One queue in front of every way a Node program can run work. Series of tasks share the workers fairly, by niceness.
 *
 * A task that awaits another call of the same queue keeps its place meanwhile. If such tasks take every place, none
 * goes on: the queue then emits `stalled`.
 *
 * @example
 * ```ts
 * const queue = new TaskQueue({ workers: [new ThreadWorker(), new ThreadWorker()] });
 * const sum = await queue.call((a: number, b: number) => a + b, [15, 15]);
 * ```
 */
export class TaskQueue extends GuardedEmitter<QueueEvents> implements AsyncDisposable {
  /** @internal */
  protected readonly handler: TaskHandler;
  readonly #defaults: TaskSettings;
  readonly #maxQueued: number;
  readonly #heard = { queued: false, started: false, done: false };
  readonly #waiters = new Waiters();
  readonly #stats = new Stats();
  #shutdown: Shutdown | null = null;
  #wasIdle = true;
  #wasEmpty = true;

  /** @throws TypeError or RangeError for an invalid option. */
  constructor(options: TaskQueueOptions = {}) {
    checkOptions('options', options);
    const { workers = [], timeout, retry = {}, maxQueued, autoStart = true } = options;
    const logger = checkLogger(options.logger);
    super(logger);
    this.#maxQueued = maxQueued === undefined ? Number.POSITIVE_INFINITY : checkCount('maxQueued', maxQueued);
    if (!Array.isArray(workers)) throw wrongType('workers', 'an array of workers', workers);
    for (const worker of workers) checkWorker(worker);
    if (new Set(workers).size < workers.length) throw new TypeError('Expected `workers` to name each worker once');
    const host: HandlerHost = {
      emit: (event, ...payload) => this.emit(event, ...(payload as never)),
      heard: this.#heard,
      guard: (call) => this.guard(call),
      directTask: ({ fn, args, series }) => new Task(fn, args, series, 0, this.#defaults),
      settled: (task, outcome) => this.#settled(task, outcome),
      roundEnded: () => this.#roundEnded(),
    };
    this.handler = new TaskHandler(host);
    this.#defaults = {
      id: undefined,
      timeout: timeout === undefined ? Number.POSITIVE_INFINITY : checkTimeout(timeout),
      retry: { lost: 1, timeout: 1, error: 0, delay: 0, ...checkRetry(retry) },
      weight: 1,
      signal: undefined,
      transfer: [],
      consumer: undefined,
      isUrgent: false,
      owner: this.handler,
    };
    if (!checkBoolean('autoStart', autoStart)) this.handler.pause();
    if (logger !== undefined) {
      this.on('workerLost', (worker, error) => logger.error(`Worker ${worker.id} can't go on`, error));
      this.on('stalled', (...stall) => logger.warn(stallMessage(...stall)));
    }
    for (const worker of workers) this.attachWorker(worker).catch((error) => this.#startFailed(worker, error));
  }

  // --- tasks --------------------------------------------------------------------------------------------------------

  /**
   * Runs `fn` with `args` on a worker, when its turn comes. `fn` is a function or a task reference. `args` are copied
   * when they are sent, not now: don't change them afterwards. Never throws synchronously: an invalid call rejects.
   *
   * @example
   * ```ts
   * const page = await queue.call(fetchPage, [url], { series: user, niceness: 5, timeout: 10_000 });
   * ```
   */
  call<A extends Arguments, R, C extends Consumer>(
    fn: Callee<A, R>,
    args: readonly [...A],
    options: CallOptions & { consumer: C },
  ): Promise<C>;
  call<R, C extends Consumer>(fn: Callee<[], R>, args: undefined, options: CallOptions & { consumer: C }): Promise<C>;
  call<R>(fn: Callee<[], R>, args?: undefined, options?: CallOptions): Promise<Result<R>>;
  call<A extends Arguments, R>(fn: Callee<A, R>, args: readonly [...A], options?: CallOptions): Promise<Result<R>>;
  call(fn: AnyFunction | TaskRef, args?: readonly unknown[], options?: CallOptions): Promise<unknown> {
    try {
      return this.#submit(fn, args, options).promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Like `call`, but returns the task's handle, at once. A closed or full queue gives a handle that has failed.
   *
   * @throws TypeError, RangeError or NotPortableError for an invalid call.
   */
  submit<A extends Arguments, R, C extends Consumer>(
    fn: Callee<A, R>,
    args: readonly [...A],
    options: CallOptions & { consumer: C },
  ): TaskHandle<C>;
  submit<R, C extends Consumer>(
    fn: Callee<[], R>,
    args: undefined,
    options: CallOptions & { consumer: C },
  ): TaskHandle<C>;
  submit<R>(fn: Callee<[], R>, args?: undefined, options?: CallOptions): TaskHandle<Result<R>>;
  submit<A extends Arguments, R>(fn: Callee<A, R>, args: readonly [...A], options?: CallOptions): TaskHandle<Result<R>>;
  submit(fn: AnyFunction | TaskRef, args?: readonly unknown[], options?: CallOptions): TaskHandle {
    return this.#submit(fn, args, options).handle;
  }

  #submit(fn: AnyFunction | TaskRef, args: readonly unknown[] | undefined, options: CallOptions | undefined): Task {
    const { task, band, requirement } = makeCall(fn, args, options, this.#defaults);
    if (requirement === 'closure' && this.handler.workforce.sendsClosures) sourceOf(fn as AnyFunction);
    const { signal } = task.settings;
    if (signal?.aborted) this.handler.lifecycle.refuse(task, CANCELLED, signal.reason);
    else if (this.#shutdown !== null) this.handler.lifecycle.refuse(task, FAILED, new QueueClosedError());
    else if (this.#isFull(task.series, requirement))
      this.handler.lifecycle.refuse(task, FAILED, new QueueFullError(this.#maxQueued));
    else {
      this.#wasIdle = false;
      this.#wasEmpty = false;
      this.handler.submit(task, band, requirement);
    }
    return task;
  }

  #isFull(series: unknown, requirement: Requirement): boolean {
    // What waits for a place is part of what waits: mostly there is no need to look closer.
    return this.size >= this.#maxQueued && this.handler.isFull(this.#maxQueued, series, requirement);
  }

  /**
   * Runs `fn(item, index)` for each item of an iterable or async iterable and iterates over the results. The input is
   * pulled only as results are read, and while the queue has room. Leaving the loop, the signal or the first error
   * cancels what waits or runs and closes the input, at once: one that is making an item is not waited for.
   *
   * @throws TypeError or RangeError at once for an invalid call.
   *
   * @example
   * ```ts
   * let total = 0;
   * for await (const size of queue.map(files, tasks.compress, { inFlight: 8 })) total += size;
   * ```
   */
  map<T, R>(
    input: Iterable<T> | AsyncIterable<T>,
    fn: Callee<[item: Awaited<T>, index: number], R>,
    options: MapOptions = {},
  ): AsyncIterableIterator<Result<R>> {
    checkCallee(fn);
    checkOptions('options', options);
    const { ordered = true, inFlight = Math.min(Math.max(2, 2 * this.capacity), 64), ...callOptions } = options;
    checkIterable(input);
    const run = fn as Callee<[unknown, number], R>;
    // Refused now rather than with the first item.
    const { requirement } = makeCall(run, [], callOptions, this.#defaults);
    // A queue that was shut down refuses the task, which ends the map.
    const hasRoom = () => !this.#isFull(callOptions.series, requirement) || this.#shutdown !== null;
    const results = new MapIterator(input, {
      submit: (item, index) => this.submit(run, [item, index], callOptions),
      hasRoom,
      room: (isOver) => this.#waiters.until(() => isOver() || hasRoom()),
      // The next round looks at those who wait for room.
      ended: () => this.handler.rounds.plan(),
      inFlight: checkInteger('inFlight', inFlight, 1),
      isOrdered: checkBoolean('ordered', ordered),
      signal: callOptions.signal,
    });
    return results as AsyncIterableIterator<Result<R>>;
  }

  /**
   * Runs `fn` on every worker and, unless it is ephemeral, on each later one before its first task. A worker that is
   * starting, or whose thread or process is being replaced, runs it when it is ready, before its next task.
   *
   * @returns one result per worker.
   * @throws AggregateError if it fails anywhere; then it is not kept, and what was kept with its key still is.
   *
   * @example
   * ```ts
   * await queue.update(tasks.ignore, [addresses], { key: 'ignored' });
   * ```
   */
  update<R>(fn: Callee<[], R>, args?: undefined, options?: UpdateOptions): Promise<Result<R>[]>;
  update<A extends Arguments, R>(
    fn: Callee<A, R>,
    args: readonly [...A],
    options?: UpdateOptions,
  ): Promise<Result<R>[]>;
  async update(
    fn: AnyFunction | TaskRef,
    args: readonly unknown[] = [],
    options: UpdateOptions = {},
  ): Promise<unknown[]> {
    checkCallee(fn);
    if (!Array.isArray(args)) throw wrongType('args', 'an array', args);
    checkOptions('options', options);
    if ('consumer' in options) throw new TypeError('Expected no `consumer`: an update has one result per worker');
    const { ephemeral = false } = options;
    checkBoolean('ephemeral', ephemeral);
    if (this.#shutdown !== null) throw new QueueClosedError();
    const update: KeptUpdate = {
      fn,
      args: [...args],
      isForSeries: 'series' in options,
      series: options.series,
      key: options.key,
      name: updateName(options.key),
    };
    return await this.handler.workforce.update(update, ephemeral);
  }

  /** Cancels everything that waits or has started. @returns how many tasks that were. */
  cancelAll(reason?: unknown): number {
    return this.#cancel(reason);
  }

  /** Cancels everything of one series that waits or has started. @returns how many tasks that were. */
  cancelSeries(series: unknown, reason?: unknown): number {
    return this.#cancel(reason, (task) => isSameKey(task.series, series));
  }

  #cancel(reason: unknown, filter?: (task: Task) => boolean): number {
    let count = 0;
    for (const task of this.handler.tasks(filter)) if (this.handler.cancel(task, reason)) count++;
    return count;
  }

  // --- workers ------------------------------------------------------------------------------------------------------

  /**
   * Hires a worker. Resolves with its id when the kept updates have run on it and it takes tasks.
   *
   * @throws TypeError if it is no worker, or is attached already, to whichever queue; WorkerStartError if it can't be
   * started.
   */
  async attachWorker(worker: IWorker): Promise<number> {
    checkWorker(worker);
    if (this.#shutdown !== null) throw new QueueClosedError('The queue was shut down: it takes no more workers');
    const { id } = await this.handler.workforce.hire(worker);
    return id;
  }

  /**
   * Dismisses a worker. Resolves when it has ended, with its unfinished tasks if they were not queued again. An
   * unknown worker: `[]`.
   */
  async detachWorker(workerOrId: IWorker | number, options: DetachOptions = {}): Promise<TaskHandle[]> {
    checkOptions('options', options);
    const { reassign = true, crash = false, timeout } = options;
    checkBoolean('reassign', reassign);
    checkBoolean('crash', crash);
    if (timeout !== undefined) checkDuration('timeout', timeout, { zero: true });
    const employment = this.handler.workforce.employment(workerOrId);
    return employment === undefined ? [] : await this.handler.workforce.terminate(employment, options);
  }

  /**
   * Lets a worker serve one more series: when it has started, and the updates kept for the series have run on it.
   *
   * @throws TypeError if it is not attached; WorkerLostError if it leaves before; what such an update throws. Then it
   * serves what it did.
   */
  async qualifyWorker(workerOrId: IWorker | number, series: unknown): Promise<void> {
    const employment = this.handler.workforce.employment(workerOrId);
    if (employment === undefined) throw wrongType('worker', 'an attached worker or its id', workerOrId);
    await this.handler.workforce.qualify(employment, series);
  }

  /** The workers, or those that serve a series. */
  workers(...series: [series?: unknown]): IWorker[] {
    return this.handler.workforce.roster(...series);
  }

  /** The worker of an id; undefined if it is not attached. */
  worker(id: number): IWorker | undefined {
    return this.handler.workforce.employment(id)?.worker;
  }

  // --- control and state --------------------------------------------------------------------------------------------

  /** Starts no more tasks until `resume()`. After `shutdown()` it does nothing: what is still to be run runs. */
  pause(): void {
    if (this.#shutdown === null) this.handler.pause();
  }

  /** Goes on after `pause()`, or begins what `autoStart: false` held back. */
  resume(): void {
    this.handler.resume();
  }

  get isPaused(): boolean {
    return this.handler.scheduler.isPaused;
  }

  /** Whether it takes tasks and runs them: neither paused nor shut down. */
  get isRunning(): boolean {
    return this.#shutdown === null && !this.isPaused;
  }

  /** How many tasks wait. */
  get size(): number {
    return this.handler.waiting;
  }

  /** How many tasks have started and not ended. */
  get pending(): number {
    return this.handler.pending;
  }

  /** How many tasks can run at a time. */
  get capacity(): number {
    return this.handler.workforce.capacity;
  }

  /** How many tasks of a series wait. */
  sizeOf(series: unknown): number {
    return this.handler.waitingOf(series);
  }

  /**
   * Limits how much runs or starts of the whole queue; null lifts the limit.
   *
   * @throws TypeError or RangeError for an invalid rule.
   */
  limit(rule: LimitRule | null): void {
    this.handler.limit(checkRule(rule));
  }

  /**
   * Limits how much runs or starts of a series; null lifts the limit.
   *
   * @throws TypeError or RangeError for an invalid rule.
   */
  limitSeries(series: unknown, rule: LimitRule | null): void {
    this.handler.limitSeries(series, checkRule(rule));
  }

  /** Resolves when nothing waits and nothing has started. */
  onIdle(): Promise<void> {
    return this.#waiters.until(() => this.size === 0 && this.pending === 0);
  }

  /** Resolves when nothing waits. */
  onEmpty(): Promise<void> {
    return this.#waiters.until(() => this.size === 0);
  }

  /** Resolves when fewer than `n` tasks wait; `n` is an integer from 1. */
  async onSizeLessThan(n: number): Promise<void> {
    checkInteger('n', n, 1);
    await this.#waiters.until(() => this.size < n);
  }

  /** Counts and times by state, series and worker. */
  stats(): QueueStats {
    return this.#stats.snapshot(this.handler);
  }

  /**
   * Ends the queue and its workers. Resolves with the tasks left unfinished, which have all been cancelled. A second
   * call may have a stronger mode.
   */
  shutdown(options: ShutdownOptions = {}): Promise<TaskHandle[]> {
    try {
      checkOptions('options', options);
      const { mode = 'drain', timeout } = options;
      checkOneOf<ShutdownMode>('mode', mode, ['drain', 'finish', 'crash']);
      if (timeout !== undefined) checkDuration('timeout', timeout, { zero: true });
      this.#shutdown ??= new Shutdown(this.handler, mode, () => this.ended());
      this.#shutdown.escalate(mode, timeout ?? Number.POSITIVE_INFINITY);
      return this.#shutdown.promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  protected override listenersChanged(): void {
    for (const event of ['queued', 'started', 'done'] as const) this.#heard[event] = this.listenerCount(event) > 0;
  }

  // --- for ready-made queues ----------------------------------------------------------------------------------------

  /** @internal The queue's end has begun and nothing waits any more. */
  protected ended(): void {}

  // --- what the handler says ----------------------------------------------------------------------------------------

  #settled(task: Task, outcome: unknown): void {
    this.#stats.record(task);
    if (task.phase === DONE) {
      if (this.#heard.done) this.emit('done', task.handle);
    } else if (task.phase === FAILED) this.emit('failed', task.handle, outcome);
    else this.emit('cancelled', task.handle, outcome);
  }

  #roundEnded(): void {
    this.#shutdown?.check();
    // A task that is run again waits, too.
    if (this.size > 0) this.#wasEmpty = false;
    // Listeners may call the queue: then it is neither any more, and both are news again when it ends.
    if (this.size === 0 && !this.#wasEmpty) {
      this.#wasEmpty = true;
      this.emit('empty');
    }
    if (this.size === 0 && this.pending === 0 && !this.#wasIdle) {
      this.#wasIdle = true;
      this.emit('idle');
    }
    this.#waiters.check();
  }

  /** A worker that came with the options: nobody awaits its start. */
  #startFailed(worker: IWorker, error: Error): void {
    if (this.#shutdown === null) this.emit('workerLost', worker, error);
  }
}

function stallMessage(series: unknown, reason: StallReason, ids: readonly string[]): string {
  const why = {
    unserved: 'no attached worker may serve them',
    deadlock: `every place is taken by tasks that wait for calls of their own: ${ids.join(', ')}`,
  }[reason];
  return `Tasks of series ${inspect(series, { depth: 0 })} can't start (${reason}): ${why}`;
}

/** Throws a TypeError that says what is missing, or that it is taken. */
function checkWorker(worker: unknown): asserts worker is IWorker {
  if (typeof worker !== 'object' || worker === null) throw wrongType('worker', 'a worker', worker);
  const candidate = worker as Partial<IWorker>;
  if (typeof candidate.kind !== 'string') throw wrongType('worker.kind', 'a string', candidate.kind);
  if (candidate.series !== null && !Array.isArray(candidate.series)) {
    throw wrongType('worker.series', 'null or an array of series', candidate.series);
  }
  checkCount('worker.concurrency', candidate.concurrency);
  for (const method of ['start', 'run', 'stop', 'crash'] as const) checkFunction(`worker.${method}`, candidate[method]);
  checkFree(worker as IWorker);
}

function checkIterable(input: unknown): void {
  const { [Symbol.iterator]: iterator, [Symbol.asyncIterator]: asyncIterator } = (input ?? {}) as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >;
  if (typeof iterator !== 'function' && typeof asyncIterator !== 'function') {
    throw wrongType('iterable', 'an iterable or async iterable', input);
  }
}

function checkRule(rule: LimitRule | null): LimitRule | null {
  if (rule === null) return null;
  checkOptions('rule', rule);
  if (rule.concurrency !== undefined) checkCount('concurrency', rule.concurrency);
  if (rule.rate !== undefined) {
    checkOptions('rate', rule.rate);
    checkInteger('rate.count', rule.rate.count, 1);
    checkDuration('rate.interval', rule.rate.interval);
  }
  return rule;
}
