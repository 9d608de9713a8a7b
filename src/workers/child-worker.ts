import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, type WorkerLoss, WorkerLostError, WorkerStartError } from '../errors.js';
import type { AnyFunction, TaskRef } from '../tasks/task-module.js';
import { within } from '../within.js';
import type { OpenChannel } from './channel.js';
import { Link } from './link.js';
import { wakefulness } from './wakefulness.js';
import type { Assignment, Employer, IWorker } from './worker.js';

/** How often a start may fail in a row, and the pause after the first failure, which doubles. */
const STARTS = 3;
const BACK_OFF = 100;

/** How long what was killed is waited for, in milliseconds: while it is in a system call nothing can end it. */
const KILL_TIME = 1000;

export interface ChildWorkerSettings {
  readonly concurrency: number;
  readonly series: readonly unknown[] | null;
  readonly graceful: number;
  readonly maxTasks: number;
  readonly maxMemory: number;
}

/**
 * A worker that runs its tasks in a thread or process, replaces one that died, and recycles one that has had its time.
 *
 * At any time it has at most one link; between two of them, while `#link` is null, its employer gives it nothing.
 */
export abstract class ChildWorker implements IWorker {
  abstract readonly kind: string;
  id?: number;
  readonly series: readonly unknown[] | null;
  readonly concurrency: number;
  readonly #settings: ChildWorkerSettings;
  readonly #open: OpenChannel;
  #employer: Employer | null = null;
  #link: Link | null = null;
  /** A link that does not take tasks yet. */
  #starting: Link | null = null;
  /** Links that get no more tasks, and serve the iterations that go on there. */
  readonly #retired = new Set<Link>();
  #failures = 0;
  #isReplacing = false;
  #isRecycling = false;
  /** Whether nothing is given back, as all that the link has is to run there. */
  #isKeeping = false;
  #isMeasuring = false;
  /** It was told to end: nothing is started any more. */
  #isEnding = false;
  /** The pause between two starts. Made when there is one: the first AbortController costs a start 2 ms. */
  #pause: AbortController | null = null;

  protected constructor(settings: ChildWorkerSettings, open: OpenChannel) {
    this.#settings = settings;
    this.#open = open;
    this.concurrency = settings.concurrency;
    this.series = settings.series;
  }

  async start(employer: Employer): Promise<void> {
    this.#employer = employer;
    while (!(await this.#tryStart())) {}
    this.#failures = 0;
  }

  run(assignment: Assignment): void {
    const link = this.#link;
    if (link === null) {
      // An update of a series it is to serve, which comes whatever becomes of the worker.
      assignment.lost(new WorkerLostError(`The ${this.kind} that was to run it has died`));
      return;
    }
    link.run(assignment);
    this.#retireIfSpent(link);
  }

  holds(fn: AnyFunction | TaskRef): boolean {
    const link = this.#link;
    return link !== null && link.taskCount < this.#settings.maxTasks && link.holds(fn);
  }

  recall(assignment: Assignment): boolean | Promise<boolean> {
    return this.#isKeeping ? false : (this.#link?.recall(assignment) ?? false);
  }

  cancel(assignment: Assignment, reason: unknown): void {
    this.#link?.cancel(assignment, reason);
  }

  async stop(): Promise<void> {
    this.#ends();
    this.#starting?.kill();
    await Promise.all([this.#starting?.exit, this.#link?.stop(), ...[...this.#retired].map((link) => link.stop())]);
  }

  async crash(): Promise<void> {
    this.#ends();
    const links = [this.#starting, this.#link, ...this.#retired].filter((link) => link !== null);
    for (const link of links) link.kill();
    await within(KILL_TIME, Promise.all(links.map(({ exit }) => exit)));
  }

  async memory(): Promise<number> {
    return (await this.#link?.memory()) ?? 0;
  }

  #ends(): void {
    this.#isEnding = true;
    this.#pause?.abort();
  }

  /** Starts a thread or process. Resolves with whether it runs; throws when there is no use in trying on. */
  async #tryStart(): Promise<boolean> {
    try {
      if (this.#isEnding) throw new Error('it was told to end');
      const link = await this.#connect();
      // It may have died since it was ready: the last messages of a dead thread come together with its end.
      if (link !== this.#starting) throw await link.exit;
      if (this.#isEnding) throw new Error('it was told to end');
      this.#starting = null;
      this.#link = link;
      this.#isRecycling = false;
      return true;
    } catch (cause) {
      if (this.#isEnding || ++this.#failures >= STARTS) {
        const times = this.#isEnding ? 'because it was stopped' : `in ${STARTS} attempts`;
        throw new WorkerStartError(`The ${this.kind} could not be started ${times}: ${messageOf(cause)}`, { cause });
      }
      this.#pause = new AbortController();
      await sleep(BACK_OFF * 2 ** (this.#failures - 1), undefined, { signal: this.#pause.signal }).catch(() => {});
      return false;
    }
  }

  #connect(): Promise<Link> {
    return new Promise((resolve, reject) => {
      const { concurrency, graceful } = this.#settings;
      const link: Link = new Link(
        this.#open,
        {
          ready: () => resolve(link),
          released: () => this.#released(link),
          ended: (loss, unstarted) => {
            const error = lostError(this.kind, loss);
            if (link === this.#starting) this.#starting = null;
            reject(error);
            this.#retired.delete(link);
            if (link === this.#link) this.#lost(error, unstarted);
            return error;
          },
        },
        { concurrency, graceful, workerId: this.id ?? 0, wakefulness },
      );
      this.#starting = link;
    });
  }

  #lost(error: WorkerLostError, unstarted: readonly Assignment[]): void {
    this.#link = null;
    if (this.#isEnding) return;
    this.#employer?.lost(error, unstarted);
    void this.#replace();
  }

  async #replace(): Promise<void> {
    // One that dies while its updates run makes them fail: then the loop below, under way already, starts the next.
    if (this.#isReplacing) return;
    this.#isReplacing = true;
    const employer = this.#employer as Employer;
    try {
      for (;;) {
        if (!(await this.#tryStart())) continue;
        try {
          await employer.ready();
          // It has died, or had its time, before this came.
          if (this.#link === null) continue;
          this.#failures = 0;
          this.#isReplacing = false;
          return;
        } catch (cause) {
          // A kept update failed: tasks would not find what they rely on.
          if (++this.#failures >= STARTS)
            throw new WorkerStartError(`A kept update failed on a new ${this.kind}`, { cause });
          // Its end tells those who wait for something else of it.
          const link = this.#link;
          link?.kill();
          await link?.exit;
        }
      }
    } catch (error) {
      if (!this.#isEnding) employer.resign(error as Error);
    }
  }

  #released(link: Link): void {
    if (link !== this.#link) return;
    if (this.#isRecycling) {
      if (link.size === 0) this.#recycle(link);
      return;
    }
    this.#retireIfSpent(link);
    if (!this.#isRecycling && this.#settings.maxMemory !== Number.POSITIVE_INFINITY) void this.#measure(link);
  }

  /** Retires one that has been given all its tasks, once it could be given one more without being asked. */
  #retireIfSpent(link: Link): void {
    if (link.taskCount < this.#settings.maxTasks || link.load >= this.concurrency) return;
    // Held is only what waits for updates.
    this.#isKeeping = true;
    this.#retire();
    this.#isKeeping = false;
  }

  async #measure(link: Link): Promise<void> {
    if (this.#isMeasuring) return;
    this.#isMeasuring = true;
    const memory = await link.memory();
    this.#isMeasuring = false;
    if (memory > this.#settings.maxMemory && link === this.#link && !this.#isReplacing) this.#retire();
  }

  /** The thread or process gets no more tasks, and is replaced when it has finished those it has. */
  #retire(): void {
    if (this.#isRecycling) return;
    this.#isRecycling = true;
    this.#employer?.pause();
    const link = this.#link;
    if (link !== null && link.size === 0) this.#recycle(link);
  }

  #recycle(link: Link): void {
    this.#link = null;
    this.#retired.add(link);
    link.retire();
    void this.#replace();
  }
}

function lostError(kind: string, loss: WorkerLoss): WorkerLostError {
  const { cause, signal, exitCode } = loss;
  const why =
    cause instanceof Error
      ? cause.message
      : signal != null
        ? `it was ended by ${signal}`
        : `it exited with code ${exitCode ?? 'unknown'}`;
  return new WorkerLostError(`The ${kind} that ran the task died: ${why}`, loss);
}
