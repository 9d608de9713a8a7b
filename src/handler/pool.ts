import pLimit from 'p-limit';
import { now } from '../clock.js';
import type { WorkerStartError } from '../errors.js';
import type { Crew } from '../scheduling/crew.js';
import type { Desk } from '../scheduling/seat.js';
import type { IWorker } from '../workers/worker.js';
import type { Recruiter } from './host.js';
import type { TaskHandler } from './task-handler.js';

/** How many workers a pool has. */
export interface PoolSize {
  readonly min: number;
  readonly max: number;
  /** After so many milliseconds without a task a worker beyond `min` is dismissed. */
  readonly idleTimeout: number;
}

/** How many workers are started at a time: more only slow each other down. */
const STARTS_AT_A_TIME = 8;

/**
 * Equal workers that are hired when there is something for them to do, and dismissed when there has been nothing for
 * a while.
 *
 * Its crew counts one worker that does not exist, so that what only the pool may serve counts as served.
 */
export class Pool implements Recruiter {
  readonly #handler: TaskHandler;
  readonly #create: () => IWorker;
  readonly #kind: string;
  readonly #concurrency: number;
  readonly #crew: Crew;
  /** Workers, present or starting. */
  readonly #members = new Set<IWorker>();
  readonly #limit = pLimit(STARTS_AT_A_TIME);
  #starting = 0;
  /** Whether a start has failed while others are under way: how those end is seen before another is tried. */
  #hasFailed = false;
  /** Whether none could be started at last: then one is tried at a time. */
  #isDoubtful = false;
  #size: PoolSize;
  #idleTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(handler: TaskHandler, create: () => IWorker, size: PoolSize) {
    // Made only to refuse bad options at once and to know its qualities; it never starts.
    const { kind, concurrency, series } = create();
    this.#handler = handler;
    this.#create = create;
    this.#kind = kind;
    this.#concurrency = concurrency;
    this.#size = size;
    this.#crew = handler.workforce.announce(kind, series === null ? null : new Set(series));
  }

  get desk(): Desk {
    return this.#crew.desk(this.#kind);
  }

  /** What workers that could still be hired would run at a time. */
  get vacancy(): number {
    return this.#isClosed ? 0 : Math.max(0, this.#size.max - this.#members.size) * this.#concurrency;
  }

  /** While nobody is there, the first is hired at once: it starts while the rest of the turn is done, the round too. */
  submitted(): void {
    const { workforce, scheduler } = this.#handler;
    if (workforce.isEmpty && !this.#isClosed && !scheduler.isPaused) this.#hireFor(true);
  }

  roundEnded(hasMore: boolean): void {
    if (this.#isClosed) return;
    if (!this.#hasFailed) this.#hireFor(hasMore);
    if (this.#members.size > this.#size.min) this.#planDismissal();
  }

  #hireFor(hasMore: boolean): void {
    if (hasMore && this.#crew.hasWorkFor(this.#kind)) {
      const wanted = Math.ceil(this.#handler.scheduler.demandAt(this.desk) / this.#concurrency) - this.#starting;
      const vacant = this.#isDoubtful ? 1 - this.#starting : this.#size.max - this.#members.size;
      for (let i = Math.min(wanted, vacant); i > 0; i--) void this.#hire();
    } else if (this.#mayHireOneMore && this.#isIteratedEverywhere) {
      // Iterations take no place but do take time: the next task should find a worker without.
      void this.#hire();
    }
  }

  get #mayHireOneMore(): boolean {
    return this.#starting === 0 && this.#members.size > 0 && this.#members.size < this.#size.max;
  }

  get #isIteratedEverywhere(): boolean {
    for (const worker of this.#members) {
      if (!this.#handler.workforce.employment(worker)?.iterationCount) return false;
    }
    return true;
  }

  departed(worker: IWorker): void {
    this.#members.delete(worker);
  }

  async startMinimum(): Promise<void> {
    const missing = Math.max(0, this.#size.min - this.#members.size);
    const outcomes = await Promise.all(Array.from({ length: missing }, () => this.#hire()));
    for (const error of outcomes) if (error !== null) throw error;
  }

  resize(size: PoolSize): void {
    this.#size = size;
    for (const worker of [...this.#members].slice(size.max)) this.#dismiss(worker);
    this.#handler.rounds.plan();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
  }

  /** Hires one more worker, which counts from now on. Resolves with why it could not be started. */
  async #hire(): Promise<WorkerStartError | null> {
    const worker = this.#create();
    this.#members.add(worker);
    this.#starting++;
    try {
      await this.#handler.workforce.hire(worker, (start) => this.#limit(start));
      this.#isDoubtful = false;
      return null;
    } catch (error) {
      // One that was dismissed meanwhile has not failed.
      if (!this.#members.delete(worker)) return null;
      this.#hasFailed = true;
      if (this.#members.size === 0) {
        this.#isDoubtful = true;
        // Who tries again would fail again.
        this.#handler.fail(this.#crew, this.#kind, error as WorkerStartError);
      }
      return error as WorkerStartError;
    } finally {
      if (--this.#starting === 0) {
        this.#hasFailed = false;
        this.#handler.rounds.plan();
      }
    }
  }

  #dismiss(worker: IWorker): void {
    this.#members.delete(worker);
    const employment = this.#handler.workforce.employment(worker);
    if (employment !== undefined) void this.#handler.workforce.terminate(employment);
  }

  #planDismissal(): void {
    const { idleTimeout } = this.#size;
    if (this.#idleTimer !== undefined || idleTimeout === Number.POSITIVE_INFINITY) return;
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = undefined;
      const latest = now() - idleTimeout;
      for (const employment of this.#handler.workforce.employments) {
        if (this.#members.size <= this.#size.min) return;
        const { worker, load, isOpen, idleSince, iterations } = employment;
        if (!this.#members.has(worker) || iterations.size > 0) continue;
        if (isOpen && load === 0 && idleSince <= latest) this.#dismiss(worker);
      }
      if (this.#members.size > this.#size.min) this.#planDismissal();
    }, idleTimeout);
    this.#idleTimer.unref();
  }
}
