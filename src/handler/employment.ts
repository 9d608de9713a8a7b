import { now } from '../clock.js';
import type { WorkerLostError } from '../errors.js';
import type { Iteration } from '../iteration/iteration.js';
import { Tally } from '../queue/tally.js';
import type { Task } from '../queue/task.js';
import type { Job } from '../scheduling/job.js';
import { Seat } from '../scheduling/seat.js';
import type { Assignment, Employer, IWorker } from '../workers/worker.js';
import type { Attempt } from './attempt.js';
import type { KeptUpdate } from './updates.js';

/** Who is told what a worker has to say. */
export interface EmploymentOwner {
  workerResigned(employment: Employment, error: Error): void;
  workerLost(employment: Employment, error: WorkerLostError, unstarted: readonly Assignment[]): void;
  workerPaused(employment: Employment): void;
  workerReady(employment: Employment): Promise<void>;
  isMetered(job: Job): boolean;
  /** Calls an optional method of the worker's, which may throw, at once or later. */
  guard(call: () => unknown): void;
}

/** What is to be done on a worker before it takes tasks. */
export interface Errand {
  /** Never rejects. */
  run(): Promise<void>;
  /** The worker ends before. */
  drop(): void;
}

/**
 * A worker as long as the queue employs it: its qualification, and the attempts it has in hand. As a seat it is what
 * the scheduler gives jobs to; as an employer, whom the worker turns to.
 */
export class Employment extends Seat implements Employer {
  readonly id: number;
  readonly worker: IWorker;
  readonly kind: string;
  /** The series it serves; null for all. */
  qualification: ReadonlySet<unknown> | null;
  /** In no order: the last one takes the place of one that leaves. */
  readonly attempts: Attempt[] = [];
  /** See `Attempts.pin`. */
  pinned: Attempt | null = null;
  /** Iterations that go on there. */
  readonly iterations = new Set<Iteration>();
  /** The kept updates that run or have run on what it runs tasks on at present: whether each succeeds. */
  delivered = new WeakMap<KeptUpdate, Promise<boolean>>();
  /** In order, each by what it is about. They come after the kept updates. */
  readonly errands = new Map<unknown, Errand>();
  /** Whether it was ever open. */
  hasStarted = false;
  /** Resolves when it is open for the first time, or has ended before. */
  readonly started: Promise<void>;
  #onStarted!: () => void;
  /** Whether it was told to go: it takes nothing more, and nothing it says brings it back. */
  isLeaving = false;
  /** Why it left by itself. */
  resignation: Error | null = null;
  /** Since when it has had nothing to do. */
  idleSince = 0;
  /** What has become of its tasks. */
  readonly tally = new Tally();
  /** Bytes in use, as last measured. */
  memory: number | undefined;
  readonly #hiredAt = now();
  /** How long its places were busy with attempts that have ended, in milliseconds. */
  #busyTime = 0;
  #onFinished: (() => void) | null = null;
  hasEnded = false;
  /** Resolves when the worker has stopped or was crashed: whoever waits for something else of it waits in vain. */
  readonly ended: Promise<void>;
  /** Resolves when nothing is left of it, once it was crashed. */
  crashed: Promise<unknown> | null = null;
  #onEnd!: () => void;
  #onIterated: (() => void) | null = null;
  readonly #owner: EmploymentOwner;

  constructor(id: number, worker: IWorker, owner: EmploymentOwner) {
    super();
    this.id = id;
    this.worker = worker;
    this.kind = worker.kind;
    this.qualification = worker.series === null ? null : new Set(worker.series);
    this.#owner = owner;
    this.started = new Promise((resolve) => {
      this.#onStarted = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#onEnd = resolve;
    });
  }

  get concurrency(): number {
    return this.worker.concurrency;
  }

  get canHold(): boolean {
    return this.worker.holds !== undefined && this.worker.recall !== undefined;
  }

  wouldHold(job: Job): boolean {
    if (this.#owner.isMetered(job)) return false;
    try {
      // The scheduler's jobs are tasks: nothing else is ever added to it.
      return this.worker.holds?.((job as unknown as Task).fn) ?? false;
    } catch (error) {
      // It is asked so often that a closure for each time would be dear.
      this.#owner.guard(() => {
        throw error;
      });
      return false;
    }
  }

  /** Asks the worker to give an attempt back. */
  recall(attempt: Attempt): boolean | Promise<boolean> {
    let answer: boolean | Promise<boolean> = false;
    this.#owner.guard(() => {
      answer = this.worker.recall?.(attempt) ?? false;
      return answer;
    });
    return answer;
  }

  /** Tells the worker to end an attempt. */
  cancel(attempt: Attempt, reason: unknown): void {
    this.#owner.guard(() => this.worker.cancel?.(attempt, reason));
  }

  serves(series: unknown): boolean {
    return this.qualification === null || this.qualification.has(series);
  }

  /** Whether it is one of those that may be given the task. */
  mayRun({ row }: Task): boolean {
    if (row === null) return false;
    const { series, acceptance } = row.lane;
    return this.crew?.serves(series.key) === true && acceptance.accepts(this.kind);
  }

  add(attempt: Attempt): void {
    attempt.position = this.attempts.length;
    this.attempts.push(attempt);
  }

  remove(attempt: Attempt): void {
    if (attempt.isStarted) this.#busyTime += Math.max(0, attempt.endedAt - attempt.startedAt);
    const last = this.attempts.pop() as Attempt;
    if (last !== attempt) {
      this.attempts[attempt.position] = last;
      last.position = attempt.position;
    }
    this.progressed();
  }

  /** Share of its places that has been busy since it was hired. */
  get utilization(): number {
    const at = now();
    let busy = this.#busyTime;
    for (const { startedAt } of this.attempts) if (startedAt > 0) busy += at - startedAt;
    // Unlimited places are never all busy; then one that is counts as all.
    const places = Number.isFinite(this.concurrency) ? this.concurrency : 1;
    return Math.min(1, busy / places / Math.max(at - this.#hiredAt, 0.001));
  }

  /** What it runs tasks on is not what it was, or will not be: no update has run there. */
  renewed(): void {
    this.delivered = new WeakMap();
  }

  /** Begins the first of its errands; null if there is none. */
  runErrand(): Promise<void> | null {
    for (const [about, errand] of this.errands) {
      this.errands.delete(about);
      return errand.run();
    }
    return null;
  }

  /** Measures its memory anew, for the next who looks. */
  measure(): void {
    this.#owner.guard(() =>
      this.worker.memory?.().then((bytes) => {
        this.memory = bytes;
      }),
    );
  }

  /** Whether a task still waits for something that this worker has in hand. */
  get isNeeded(): boolean {
    return this.attempts.some((attempt) => attempt.isCurrent);
  }

  /** Crashes the worker. What becomes of it then is no business of whoever is rid of it. */
  crash(): void {
    this.crashed = this.#crash().catch(() => {});
  }

  async #crash(): Promise<void> {
    await this.worker.crash();
  }

  /** The worker has started. */
  start(): void {
    this.hasStarted = true;
    this.#onStarted();
  }

  /** The worker has stopped, or was crashed. */
  end(): void {
    this.hasEnded = true;
    this.#onStarted();
    this.#onEnd();
    for (const errand of this.errands.values()) errand.drop();
    this.errands.clear();
  }

  /** Resolves when the worker is not needed any more. */
  async finished(): Promise<void> {
    if (!this.isNeeded) return;
    await new Promise<void>((resolve) => {
      this.#onFinished = resolve;
    });
  }

  /** Resolves when no iteration goes on any more: those that somebody reads go on to their end, the others are closed. */
  async iterated(): Promise<void> {
    while (this.iterations.size > 0) {
      const at = performance.now();
      let next = Number.POSITIVE_INFINITY;
      for (const iteration of this.iterations) {
        if (iteration.readUntil <= at) iteration.close().catch(() => {});
        else next = Math.min(next, iteration.readUntil);
      }
      if (this.iterations.size === 0) return;
      await new Promise<void>((resolve) => {
        const timer = Number.isFinite(next) ? setTimeout(resolve, next - at) : undefined;
        this.#onIterated = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  iterationBegins(iteration: Iteration): void {
    this.iterations.add(iteration);
    this.iterationCount = this.iterations.size;
  }

  iterationEnded(iteration: Iteration): void {
    this.iterations.delete(iteration);
    this.iterationCount = this.iterations.size;
    this.#onIterated?.();
  }

  /** An attempt has left, or its task has ended. */
  progressed(): void {
    if (this.#onFinished !== null && !this.isNeeded) this.#onFinished();
  }

  // --- as an employer -----------------------------------------------------------------------------------------------

  resign(error: Error): void {
    if (!this.isLeaving) this.#owner.workerResigned(this, error);
  }

  lost(error: WorkerLostError, unstarted: readonly Assignment[]): void {
    this.#owner.workerLost(this, error, unstarted);
  }

  pause(): void {
    if (!this.isLeaving) this.#owner.workerPaused(this);
  }

  ready(): Promise<void> {
    return this.#owner.workerReady(this);
  }
}
