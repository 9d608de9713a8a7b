import { AsyncResource } from 'node:async_hooks';
import type { Transferable } from 'node:worker_threads';
import { now } from '../clock.js';
import type { WorkerLostError } from '../errors.js';
import { type InScope, type ItemSource, LocalSource } from '../iteration/iteration.js';
import { type AnyIterator, iteratorOf } from '../iteration/iterators.js';
import { DONE, type Task } from '../queue/task.js';
import type { Crew } from '../scheduling/crew.js';
import { DO_LAST } from '../scheduling/lane.js';
import { runInContext, type TaskContext } from '../tasks/task-context.js';
import type { TaskKey } from '../tasks/task-key.js';
import type { AnyFunction, TaskRef } from '../tasks/task-module.js';
import { isThenable, toPromise } from '../tasks/thenable.js';
import { unwrap } from '../tasks/transferable.js';
import type { Assignment } from '../workers/worker.js';
import type { Employment } from './employment.js';
import { follow } from './follower.js';

/** Who is told what becomes of an attempt. */
export interface AttemptOwner {
  attemptStarted(attempt: Attempt): void;
  attemptProgressed(attempt: Attempt, progress: unknown): void;
  attemptDone(attempt: Attempt, value: unknown): void;
  attemptIterates(attempt: Attempt, source: ItemSource): void;
  attemptFailed(attempt: Attempt, error: unknown): void;
  attemptLost(attempt: Attempt, error: WorkerLostError): void;
}

/** What only few attempts need, so that the others need no room for it. */
class Extras {
  timer: NodeJS.Timeout | undefined;
  /** Whether its time was up when nothing had been heard of its end. */
  isDue = false;
  /** Whether it has returned an iterator, whose items are made after its end. */
  isIterating = false;
  controller: AbortController | null = null;
  abortReason: unknown;
  /** Of an attempt that has let go of its task. */
  released: { readonly task: WeakRef<Task>; readonly context: TaskContext } | null = null;
}

/**
 * One attempt to run one task on one worker. It lives until the worker is rid of it, which may be long after the task
 * was cancelled or has run out of time.
 */
export class Attempt implements Assignment {
  readonly employment: Employment;
  /** The crew its worker belonged to when the task was assigned; null for an update, which nobody schedules. */
  readonly crew: Crew | null;
  readonly attempt: number;
  readonly keepAs: string | null;
  /** Where it is among the attempts of its employment. */
  position = -1;
  token: unknown = null;
  startedAt = 0;
  endedAt = 0;
  isStarted = false;
  hasEnded = false;
  /** Whether it ran out of time, so that its outcome does not count. */
  isTimedOut = false;
  /** Whether its worker was asked to give it back. */
  isRecalled = false;
  readonly owner: AttemptOwner;
  #task: Task | null;
  #extras: Extras | null = null;

  constructor(
    task: Task,
    employment: Employment,
    owner: AttemptOwner,
    crew: Crew | null,
    keepAs: string | null = null,
  ) {
    this.#task = task;
    this.employment = employment;
    this.crew = crew;
    this.attempt = task.earlierAttempts + task.attempts + 1;
    this.keepAs = keepAs;
    this.owner = owner;
  }

  get task(): Task {
    return (this.#task ?? this.#extras?.released?.task.deref()) as Task;
  }

  get extras(): Extras {
    this.#extras ??= new Extras();
    return this.#extras;
  }

  stopTimer(): void {
    if (this.#extras !== null) clearTimeout(this.#extras.timer);
  }

  /** Its worker is rid of it. */
  end(): void {
    this.hasEnded = true;
    this.endedAt ||= now();
    if (this.#extras === null) return;
    this.stopTimer();
    // Its end was heard of too late to tell whether it was in time: the clock of where it ran knows.
    if (this.#extras.isDue && this.endedAt - this.startedAt > this.task.settings.timeout) this.isTimedOut = true;
  }

  /**
   * Lets go of a task that has settled with an iterator: the task holds the iterator, and the worker holds this, so
   * nobody would ever see that the iterator has been dropped.
   */
  release(): void {
    this.extras.released = { task: new WeakRef(this.task), context: this.context() };
    this.#task = null;
  }

  get id(): string {
    return this.task.id;
  }

  get key(): TaskKey {
    return this.task.key;
  }

  get fn(): AnyFunction | TaskRef {
    return this.task.fn;
  }

  get args(): unknown[] {
    return this.task.args;
  }

  get series(): unknown {
    return this.task.series;
  }

  get isUpdate(): boolean {
    return this.crew === null;
  }

  get niceness(): number {
    return this.task.niceness;
  }

  get doNext(): boolean {
    return this.task.settings.isUrgent;
  }

  get doLast(): boolean {
    return this.task.row?.lane.band === DO_LAST;
  }

  get transfer(): readonly Transferable[] {
    return this.task.settings.transfer;
  }

  get signal(): AbortSignal {
    const { extras } = this;
    if (extras.controller === null) {
      extras.controller = new AbortController();
      if (extras.abortReason !== undefined) extras.controller.abort(extras.abortReason);
    }
    return extras.controller.signal;
  }

  /** Whether the task still waits for this attempt. */
  get isCurrent(): boolean {
    return this.task.attempt === this && !this.task.isSettled;
  }

  started(at = now()): void {
    if (this.hasEnded) return;
    this.startedAt = at;
    if (this.isStarted) return;
    this.isStarted = true;
    this.owner.attemptStarted(this);
  }

  progress(progress: unknown): void {
    const task: Task | undefined = this.task;
    if (this.hasEnded && !this.#extras?.isIterating) return;
    if (task?.attempt === this && task.phase <= DONE) this.owner.attemptProgressed(this, progress);
  }

  done(value: unknown, at?: number): void {
    let result: unknown;
    let pending: Promise<unknown> | null;
    let iterator: AnyIterator | null;
    try {
      // In this thread the caller gets the object itself.
      result = unwrap(value);
      pending = isThenable(result) ? toPromise(result) : null;
      iterator = pending === null ? iteratorOf(result) : null;
    } catch (error) {
      // A getter, or a proxy, that throws.
      this.fail(error, at);
      return;
    }
    if (pending !== null) {
      // Also if its worker was rid of it before: nobody else hears if the promise is rejected.
      follow(pending, this);
      return;
    }
    if (iterator !== null) {
      // One that is being read is not to be closed because it is told again.
      if (!this.#extras?.isIterating) iterateHere(this, iterator, at);
      return;
    }
    if (this.hasEnded) return;
    this.endedAt = at ?? now();
    this.owner.attemptDone(this, result);
  }

  iterate(source: ItemSource, at = now()): void {
    if (this.hasEnded) {
      source.close().catch(() => {});
      return;
    }
    this.endedAt = at;
    this.owner.attemptIterates(this, source);
  }

  fail(error: unknown, at = now()): void {
    if (this.hasEnded) return;
    this.endedAt = at;
    this.owner.attemptFailed(this, error);
  }

  lost(error: WorkerLostError): void {
    if (this.hasEnded) return;
    this.started();
    this.endedAt = now();
    this.owner.attemptLost(this, error);
  }

  invoke(fn?: AnyFunction): unknown {
    return this.task.runInAsyncScope(runInContext, undefined, this, fn ?? (this.fn as AnyFunction), this.args);
  }

  context(): TaskContext {
    const context = this.#extras?.released?.context;
    if (context !== undefined) return context;
    const attempt = this;
    return {
      id: this.id,
      attempt: this.attempt,
      series: this.series,
      workerId: this.employment.id,
      get signal() {
        return attempt.signal;
      },
      report: (progress) => this.progress(progress),
    };
  }

  /** Tells the body that it should end. */
  abort(reason: unknown): void {
    this.extras.abortReason = reason;
    this.extras.controller?.abort(reason);
    this.employment.cancel(this, reason);
  }
}

/** The attempt has returned an iterator of this thread. */
function iterateHere(attempt: Attempt, iterator: AnyIterator, at: number | undefined): void {
  // Not the task itself, which may be collected before.
  const scope = attempt.task.runInAsyncScope(() => new AsyncResource('niceq.Iteration'));
  const inScope: InScope = (fn) =>
    scope.runInAsyncScope(runInContext<ReturnType<typeof fn>>, undefined, attempt, fn, []);
  attempt.iterate(new LocalSource(iterator, inScope, (reason) => attempt.abort(reason)), at);
}
