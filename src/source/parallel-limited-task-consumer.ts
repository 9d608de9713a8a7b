import { checkCount, checkFunction, checkOptions, checkSignal, wrongType } from '../check.js';
import { AlreadyRunningError, isNiceqError, NotRunningError } from '../errors.js';
import { checkLogger } from '../logger.js';
import { checkCallOptions } from '../queue/call.js';
import type { CallOptions, Logger } from '../queue/options.js';
import type { TaskHandle } from '../queue/task-handle.js';
import { TaskQueue } from '../queue/task-queue.js';
import { IterableTaskSource, isIterable, type TaskIterable } from './iterable-task-source.js';
import type { SourceTask, TaskConsumer, TaskSource } from './task-source.js';

export interface ParallelLimitedTaskConsumerOptions {
  /** How many tasks may run, or wait in the queue, before the source is stopped: an integer from 1, or Infinity. */
  limit: number;
  /** Runs the tasks. Default: each is simply called. */
  queue?: TaskQueue;
  /** Options of their calls: series, niceness, timeout... Only with a queue. */
  options?: CallOptions;
  /** Is told what tasks throw (`error`) and why production failed (`warn`). Default: none. */
  logger?: Logger;
}

export interface ConsumeOptions {
  /** Ends it at once: `consume` rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** An object, as anything can be thrown, undefined too. */
type Failure = { readonly error: unknown };

/**
 * Runs what a source finds, a limited number at a time. When a place becomes free, the source looks for the next task
 * at once; while all are taken, it is stopped. The run ends when the source finds nothing, or fails to look, while
 * nothing runs. So after a passing failure it looks again when the next task ends; a lasting one ends the run.
 *
 * Each task is called in the main thread or, given a queue, through that, as the closure it is. For work in a thread or
 * process let the task make the call: `() => queue.call(tasks.hash, [file])`.
 *
 * @example
 * ```ts
 * const consumer = new ParallelLimitedTaskConsumer({ limit: 3, logger: console });
 * await consumer.consume(source);
 * if (consumer.lastError !== undefined) console.warn('Some polls failed, the last with', consumer.lastError);
 * ```
 */
export class ParallelLimitedTaskConsumer implements TaskConsumer, AsyncDisposable {
  readonly #limit: number;
  readonly #queue: TaskQueue | undefined;
  readonly #options: CallOptions;
  readonly #logger: Logger | undefined;
  #source: TaskSource | null = null;
  /** What settles the promise of `consume`; only until it has. */
  #end: { resolve: () => void; reject: (error: unknown) => void } | null = null;
  #isAborted = false;
  #running = 0;
  /** How often the source was started: tells whether it was since. */
  #starts = 0;
  /** The tasks that are in the queue, so that they can be cancelled. */
  readonly #handles = new Set<TaskHandle>();
  #lastError: unknown;
  /** The end of the run, from when it is certain. */
  #closing: Promise<void> | null = null;
  #waitingForIdle: (() => void)[] = [];

  /** @throws TypeError or RangeError for an invalid option. */
  constructor(settings: ParallelLimitedTaskConsumerOptions) {
    checkOptions('settings', settings);
    const { limit, queue, options, logger } = settings;
    this.#limit = checkCount('limit', limit);
    if (queue !== undefined && !(queue instanceof TaskQueue)) throw wrongType('queue', 'a TaskQueue', queue);
    this.#queue = queue;
    if (options !== undefined) checkCallOptions(options);
    if (options !== undefined && queue === undefined) throw new TypeError('Expected a `queue` for the `options`');
    this.#options = options ?? {};
    this.#logger = checkLogger(logger);
  }

  /** What production failed with, the last time it did; undefined as long as it has not. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** How many tasks run at the moment, or wait in the queue. */
  get running(): number {
    return this.#running;
  }

  /**
   * Runs the tasks of a source, or of an iterable: generators and streams of tasks are read only as places become free.
   * Works once for each consumer.
   *
   * @returns when there are no more tasks and none runs. Errors of tasks and of production don't reject it.
   * @throws AlreadyRunningError when called again; the signal's reason; QueueClosedError if the queue was shut down;
   *   what the source's `start` or `stop` throws.
   *
   * @example
   * ```ts
   * await consumer.consume(files.map((file) => () => upload(file)), { signal: AbortSignal.timeout(60_000) });
   * ```
   */
  async consume(source: TaskSource | TaskIterable, options: ConsumeOptions = {}): Promise<void> {
    if (this.#source !== null) throw new AlreadyRunningError();
    checkOptions('options', options);
    const { signal } = options;
    if (signal !== undefined) checkSignal('signal', signal);
    signal?.throwIfAborted();
    this.#source = isSource(source) ? source : this.#sourceOf(source);
    const abort = () => this.#abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        this.#end = { resolve, reject };
        this.#start();
      });
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** For the source: runs the task, even above the limit. @throws NotRunningError before `consume`. */
  taskStarted(task: SourceTask): void {
    this.#checkRunning('taskStarted');
    checkFunction('task', task);
    // The source was just about to find it when the run was aborted.
    if (this.#isAborted) return;
    this.#running++;
    if (this.#running < this.#limit) this.#start();
    else void this.#stop();
    void this.#run(task);
  }

  /** For the source: ends the run unless tasks are running. @throws NotRunningError before `consume`. */
  noTasksFound(): void {
    this.#checkRunning('noTasksFound');
    if (this.#running === 0) void this.#finish(true);
  }

  /**
   * For the source: stops it until the next task ends; with none running that is the end of the run.
   * @throws NotRunningError before `consume`.
   */
  taskProductionFailed(error: unknown): void {
    this.#checkRunning('taskProductionFailed');
    // A stream that is destroyed at the end of the run complains of that.
    if (this.#closing !== null) return;
    this.#lastError = error;
    this.#logger?.warn('Looking for a task failed', error);
    if (this.#running === 0) void this.#finish(false);
    else void this.#stop();
  }

  /** Looks for no more tasks and waits for those that run. Then `consume` resolves, if it has not. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#source === null) return;
    await this.#close();
    if (this.#running > 0) await new Promise<void>((resolve) => this.#waitingForIdle.push(resolve));
  }

  // --- the source ---------------------------------------------------------------------------------------------------

  #checkRunning(method: string): void {
    if (this.#source === null) throw new NotRunningError(method);
  }

  #sourceOf(iterable: TaskIterable): TaskSource {
    if (!isIterable(iterable)) throw wrongType('source', 'a task source or an iterable of tasks', iterable);
    return new IterableTaskSource(iterable, this.#logger);
  }

  #start(): void {
    if (this.#end === null || this.#closing !== null) return;
    this.#starts++;
    try {
      this.#source?.start(this);
    } catch (error) {
      void this.#close({ error });
    }
  }

  /** Never rejects: a source that can't be stopped ends the run. */
  async #stop(): Promise<boolean | undefined> {
    // After the end it may belong to somebody else, and just before it has been stopped already.
    if (this.#end === null || this.#closing !== null) return undefined;
    try {
      return await this.#source?.stop();
    } catch (error) {
      void this.#close({ error });
      return undefined;
    }
  }

  /** Stops the source for want of tasks, and ends the run unless something came up meanwhile. */
  async #finish(mustStayStopped: boolean): Promise<void> {
    const starts = this.#starts;
    const isStopped = await this.#stop();
    if (this.#closing !== null || this.#running > 0 || starts !== this.#starts) return;
    if (mustStayStopped && isStopped === false) return;
    this.#closing = this.#closeIterator().then(
      () => this.#settle(),
      (error) => this.#settle({ error }),
    );
  }

  /** Starts the source no more; the run ends with the tasks that run, with `failure` if there is one. */
  #close(failure?: Failure): Promise<void> {
    this.#closing ??= this.#stopForGood(failure);
    return this.#closing;
  }

  async #stopForGood(failure: Failure | undefined): Promise<void> {
    let reason = failure;
    try {
      // Side by side: closing an iterator may be what ends a poll that waits for it.
      await Promise.all([this.#source?.stop(), this.#closeIterator()]);
    } catch (error) {
      reason ??= { error };
    }
    this.#whenIdle(() => this.#settle(reason));
  }

  async #closeIterator(): Promise<void> {
    if (this.#source instanceof IterableTaskSource) await this.#source.close();
  }

  #abort(reason: unknown): void {
    this.#isAborted = true;
    this.#settle({ error: reason });
    for (const handle of this.#handles) handle.cancel(reason);
    void this.#close();
  }

  #settle(failure?: Failure): void {
    if (failure === undefined) this.#end?.resolve();
    else this.#end?.reject(failure.error);
    this.#end = null;
  }

  // --- the tasks ----------------------------------------------------------------------------------------------------

  async #run(task: SourceTask): Promise<void> {
    try {
      await (this.#queue === undefined ? task() : this.#call(this.#queue, task));
    } catch (error) {
      if (!this.#isAborted) this.#logger?.error('A task failed', error);
    }
    this.#running--;
    if (this.#running < this.#limit) this.#start();
    if (this.#running > 0) return;
    const waiting = this.#waitingForIdle;
    this.#waitingForIdle = [];
    for (const idle of waiting) idle();
  }

  async #call(queue: TaskQueue, task: SourceTask): Promise<void> {
    while (!this.#isAborted) {
      const handle = queue.submit(task, [], this.#options);
      this.#handles.add(handle);
      try {
        await handle.promise;
        return;
      } catch (error) {
        // A task that did begin may reject with the like from a call of its own.
        const wasRefused = handle.attempts === 0;
        if (wasRefused && isNiceqError(error, 'ERR_QUEUE_CLOSED')) void this.#close({ error });
        if (!wasRefused || !isNiceqError(error, 'ERR_QUEUE_FULL')) throw error;
      } finally {
        this.#handles.delete(handle);
      }
      // The task has its place here, so the source is held back until the queue has room.
      await queue.onSizeLessThan(Math.max(1, queue.size));
    }
  }

  #whenIdle(call: () => void): void {
    if (this.#running === 0) call();
    else this.#waitingForIdle.push(call);
  }
}

function isSource(value: unknown): value is TaskSource {
  const candidate = value as Partial<TaskSource> | null | undefined;
  return typeof candidate?.start === 'function' && typeof candidate.stop === 'function';
}
