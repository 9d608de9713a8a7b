import { checkDuration, checkFunction, checkOptions, checkSignal } from '../check.js';
import { type Clock, systemClock } from '../clock.js';
import { checkLogger } from '../logger.js';
import type { Logger } from '../queue/options.js';
import { Poller, type Product } from './poller.js';
import type { TaskConsumer, TaskSource } from './task-source.js';

export interface PollingTaskSourceOptions {
  /** Milliseconds from poll to poll: more than 0. */
  interval: number;
  /**
   * Looks for a task. Returns it, or null or undefined if there is none at the moment, or a promise of either. What it
   * throws, or its promise rejects with, goes to the consumer.
   */
  produce: () => Product | PromiseLike<Product>;
  /** Ends the search for good: from then on the consumer is told that production failed with the signal's reason. */
  signal?: AbortSignal;
  /** The timers to use. Default: Node's. */
  clock?: Clock;
  /** Is told what the consumer throws. Default: that is thrown again in a macrotask of its own. */
  logger?: Logger;
}

/**
 * A source that looks for a task at once when it is started, then again every `interval`, and never twice at a time: a
 * poll that would begin while another is under way is left out. Every `start` looks at once, so a busy consumer gets
 * task after task without waiting for the interval.
 *
 * @example
 * ```ts
 * const claim = database.prepare(`UPDATE jobs SET state = 'running' WHERE id =
 *   (SELECT id FROM jobs WHERE state = 'waiting' LIMIT 1) RETURNING *`);
 * const source = new PollingTaskSource({
 *   interval: 1000,
 *   produce: () => {
 *     const row = claim.get();
 *     return row && (() => work(row));
 *   },
 * });
 * await new ParallelLimitedTaskConsumer({ limit: 4 }).consume(source);
 * ```
 */
export class PollingTaskSource implements TaskSource, AsyncDisposable {
  readonly #interval: number;
  readonly #signal: AbortSignal | undefined;
  readonly #clock: Clock;
  readonly #poller: Poller;
  #consumer: TaskConsumer | null = null;
  #timer: unknown = null;

  /** @throws TypeError or RangeError for an invalid option. */
  constructor(options: PollingTaskSourceOptions) {
    checkOptions('options', options);
    const { interval, produce, signal, clock = systemClock, logger } = options;
    this.#interval = checkDuration('interval', interval);
    checkFunction('produce', produce);
    this.#signal = signal === undefined ? undefined : checkSignal('signal', signal);
    checkOptions('clock', clock);
    checkFunction('clock.setTimeout', clock.setTimeout);
    checkFunction('clock.clearTimeout', clock.clearTimeout);
    this.#clock = clock;
    this.#poller = new Poller(() => {
      signal?.throwIfAborted();
      return produce();
    }, checkLogger(logger));
  }

  /** Looks for a task at once, or when the poll under way has ended, and from now on every `interval`. */
  start(consumer: TaskConsumer): void {
    checkOptions('consumer', consumer);
    for (const method of ['taskStarted', 'noTasksFound', 'taskProductionFailed'] as const)
      checkFunction(`consumer.${method}`, consumer[method]);
    this.#disarm();
    this.#consumer = consumer;
    if (this.#signal?.aborted !== true) {
      this.#arm();
      this.#signal?.addEventListener('abort', this.#aborted);
    }
    this.#poller.start(consumer);
  }

  /**
   * Looks no more. A poll under way still tells the consumer what came of it.
   * @returns when it has: true, or false if the source was started again meanwhile.
   */
  stop(): Promise<boolean> {
    this.#disarm();
    return this.#poller.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#arm();
      this.#poller.poll();
    }, this.#interval);
  }

  #disarm(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#signal?.removeEventListener('abort', this.#aborted);
  }

  /** Tells the consumer at once rather than after the interval. */
  readonly #aborted = () => {
    this.#disarm();
    this.#poller.start(this.#consumer as TaskConsumer);
  };
}
