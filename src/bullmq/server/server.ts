import type { Worker as BullMqWorker, Job } from 'bullmq';
import { checkDuration, checkOptions, wrongType } from '../../check.js';
import { WorkerLostError, WorkerStartError } from '../../errors.js';
import { checkLogger } from '../../logger.js';
import type { Logger } from '../../queue/options.js';
import type { QueueStats } from '../../queue/stats.js';
import type { IWorker } from '../../workers/worker.js';
import { type BullOptions, checkBullOptions, checkGrace, isOfConnection, startError } from '../connection.js';
import { Member, type MemberSettings } from '../member.js';
import { Worker } from '../peers.js';
import { Desk } from './desk.js';
import { Modules } from './modules.js';
import { ServerQueue } from './server-queue.js';
import { ServerUpdates } from './server-updates.js';

export interface ServeOptions extends BullOptions {
  /**
   * The modules whose exports may be run: URLs, or paths of files. Callers name a module by its key, which for
   * `render.tasks.js` is `render`.
   */
  modules: Readonly<Record<string, URL | string>>;
  /**
   * What runs the tasks: workers that are attached nowhere else. Any server of the name may get any task, so each should
   * serve all the series that are called: a task of one that no worker here serves fails.
   */
  workers: readonly IWorker[];
  /**
   * How long this server may be silent before BullMQ takes from it what it runs, in milliseconds: more than 0. Default
   * 10 000.
   */
  lockDuration?: number;
  /** How often this server looks for what others have left, in milliseconds: more than 0. Default 10 000. */
  stalledInterval?: number;
  /**
   * How long a caller may be missing before its tasks are dropped, in milliseconds: from 1 to 86 400 000, a day. When the
   * server is closed an iteration that nobody reads for 12 times as long is ended. Default 5000.
   */
  grace?: number;
  /** Is told of jobs that make no sense, a connection that fails, and workers that can't go on. Default: none. */
  logger?: Logger;
}

/** What `server.stats()` returns. */
export interface ServerStats {
  readonly id: string;
  /** Whether it takes tasks: it is connected, has workers, and does not end. */
  readonly isHealthy: boolean;
  readonly isConnected: boolean;
  /** How many tasks it runs. */
  readonly running: number;
  /** How many iterations go on. */
  readonly iterating: number;
  /** How many tasks wait in Redis for any server of the name; null while that is not known. */
  readonly waiting: number | null;
  /** Of its own queue. */
  readonly queue: QueueStats;
}

export interface CloseOptions {
  /**
   * After so many milliseconds what still runs counts as lost, and runs elsewhere: 0 or more. If Redis is unreachable
   * then, or refuses to answer, it is not waited for. Default: no limit; a Redis that is unreachable is waited for until
   * it is back.
   */
  timeout?: number;
}

/** So many tasks are run at a time by workers with unlimited places. */
const UNLIMITED = 1000;

/**
 * How long an iteration may go unread while the server closes, in times of `grace`: it hears of its caller only when a
 * whole batch has been read, and readers may take their time with each item.
 */
const READING = 12;

/**
 * Runs tasks for callers elsewhere. Made by `serve`.
 *
 * @example
 * ```ts
 * const server = await serve({ name: 'films', connection: redis, modules, workers: [new ThreadWorker()] });
 * console.log((await server.stats()).isHealthy); // -> true
 * await server.close();
 * ```
 */
export class BullServer implements AsyncDisposable {
  /** Resolves when it has ended: closed, or left without a worker that could run anything. */
  readonly closed: Promise<void>;
  #onClosed!: () => void;
  readonly #settings: MemberSettings;
  readonly #queue = new ServerQueue();
  #member!: Member;
  #desk!: Desk;
  #worker!: BullMqWorker;
  #isOpen = false;
  #closing: Promise<void> | null = null;
  /** Why the last worker that it lost could not go on. */
  #loss: Error | undefined;

  /** @internal */
  private constructor(settings: MemberSettings) {
    this.#settings = settings;
    this.#queue.on('workerLost', (_, error) => this.#workerLost(error));
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
  }

  /** @internal */
  static async open(options: ServeOptions): Promise<BullServer> {
    checkOptions('options', options);
    const { workers, lockDuration = 10_000, stalledInterval = 10_000, grace = 5000 } = options;
    const settings = checkBullOptions(options);
    const modules = new Modules(settings.name, options.modules);
    if (!Array.isArray(workers) || workers.length === 0) throw wrongType('workers', 'an array of workers', workers);
    checkDuration('lockDuration', lockDuration);
    checkDuration('stalledInterval', stalledInterval);
    checkGrace(grace);
    const logger = checkLogger(options.logger);
    const server = new BullServer({ ...settings, grace, logger, isRef: true });
    try {
      await Promise.all(workers.map((worker) => server.#queue.attachWorker(worker)));
      await server.#open(modules, lockDuration, stalledInterval);
      return server;
    } catch (error) {
      await server.#queue.shutdown({ mode: 'crash' });
      throw error;
    }
  }

  async #open(modules: Modules, lockDuration: number, stalledInterval: number): Promise<void> {
    const { name, prefix, grace, logger } = this.#settings;
    this.#member = await this.#join();
    const updates = new ServerUpdates(this.#member, this.#queue, modules, logger);
    this.#desk = new Desk(this.#member, this.#queue, modules, updates, logger);
    try {
      await this.#member.enter({
        receive: (_, message) => this.#desk.receive(message),
        refused: (caller, jobs, why) => this.#desk.refused(caller, jobs, why),
        reconnected: () => void updates.catchUp(),
      });
      await updates.start(grace);
      this.#checkWorkers();
      this.#worker = new Worker(name, (job: Job) => this.#desk.process(job), {
        connection: this.#member.client,
        prefix,
        autorun: false,
        concurrency: this.#places,
        lockDuration,
        stalledInterval,
        // What was lost its caller decides about, not BullMQ.
        maxStalledCount: Number.MAX_SAFE_INTEGER,
      });
      this.#worker.on('error', (error) => {
        // Of connections the member tells, once: one that BullMQ has besides may be the first to fail.
        if (this.#member.isConnected && !isOfConnection(error)) logger?.warn('BullMQ met an error', error);
      });
      await this.#worker.waitUntilReady();
      this.#checkWorkers();
      this.#isOpen = true;
      this.#worker.run().catch((error) => this.#worker.emit('error', error));
    } catch (error) {
      await this.#worker?.close(true);
      await this.#member.leave();
      throw error;
    }
  }

  get #places(): number {
    const { capacity } = this.#queue;
    return Number.isFinite(capacity) ? capacity : UNLIMITED;
  }

  async #join(): Promise<Member> {
    try {
      return await Member.connect('server', this.#settings);
    } catch (cause) {
      throw startError(this.#settings, cause);
    }
  }

  /** How it is: plain data. */
  async stats(): Promise<ServerStats> {
    const { client, keys, id, isConnected } = this.#member;
    // It may lose its connection while it asks.
    const counts = isConnected
      ? await Promise.all([client.llen(keys.job('wait')), client.zcard(keys.job('prioritized'))]).catch(() => null)
      : null;
    const { running, size } = this.#desk;
    return {
      id,
      isHealthy: isConnected && this.#closing === null && this.#queue.workers().length > 0,
      isConnected,
      running,
      iterating: size - running,
      waiting: counts === null ? null : counts[0] + counts[1],
      queue: this.#queue.stats(),
    };
  }

  /**
   * Ends in order: finishes what it runs, iterations that are being read too, and leaves the rest to other servers. An
   * iteration of which the caller has items that it has not read for 12 times `grace` ends with a WorkerLostError.
   *
   * @throws TypeError or RangeError for an invalid `timeout`.
   */
  async close({ timeout }: CloseOptions = {}): Promise<void> {
    if (timeout !== undefined) checkDuration('timeout', timeout, { zero: true });
    this.#closing ??= this.#close();
    if (timeout === undefined) return this.#closing;
    const timer = setTimeout(() => this.#giveUp(new WorkerLostError('The server was closed')), timeout);
    await this.#closing.finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.#worker.close();
    await this.#desk.finished(READING * this.#settings.grace);
    await this.#queue.shutdown({ mode: 'finish' });
    await this.#member.leave();
    this.#onClosed();
  }

  #giveUp(error: WorkerLostError): void {
    this.#desk.loseAll(error);
    void this.#queue.shutdown({ mode: 'crash' });
    // Otherwise BullMQ would wait until Redis has heard of the end of every job.
    this.#member.endWithConnection();
  }

  #workerLost(cause: Error): void {
    this.#settings.logger?.error("A worker can't go on", cause);
    this.#loss = cause;
    if (!this.#isOpen) return;
    if (this.#queue.workers().length > 0) {
      // What it can't run any more others should take.
      this.#worker.concurrency = this.#places;
      this.#queue.loseUnserved(new WorkerLostError('The server has no worker left for the series', { cause }));
      return;
    }
    this.#closing ??= this.#close();
    this.#giveUp(new WorkerLostError('The server has no worker left', { cause }));
  }

  /** Those it began with may be gone before it is open. */
  #checkWorkers(): void {
    if (this.#queue.workers().length > 0) return;
    throw new WorkerStartError('The server has no worker left that could go on', { cause: this.#loss });
  }
}
