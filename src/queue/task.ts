import { AsyncResource, executionAsyncId } from 'node:async_hooks';
import type { Transferable } from 'node:worker_threads';
import { checkFunction, checkInteger } from '../check.js';
import { thisTurn } from '../clock.js';
import type { Attempt } from '../handler/attempt.js';
import type { Consumer } from '../iteration/feed.js';
import type { Job } from '../scheduling/job.js';
import type { Row } from '../scheduling/lane.js';
import { idOf, type TaskKey } from '../tasks/task-key.js';
import type { AnyFunction, TaskRef } from '../tasks/task-module.js';
import type { RetryPolicy } from './options.js';
import type { TaskHandle, TaskState } from './task-handle.js';

/** Where a task is. `HELD`: sent to a worker ahead of its turn; `DELAYED`: waits to be run again. */
export const QUEUED = 0;
export const HELD = 1;
export const DELAYED = 2;
export const RUNNING = 3;
export const DONE = 4;
export const FAILED = 5;
export const CANCELLED = 6;
export type Phase =
  | typeof QUEUED
  | typeof HELD
  | typeof DELAYED
  | typeof RUNNING
  | typeof DONE
  | typeof FAILED
  | typeof CANCELLED;

const states: readonly TaskState[] = ['queued', 'queued', 'queued', 'running', 'done', 'failed', 'cancelled'];

/** What few tasks have an own value of. Those that have none share one object. */
export interface TaskSettings {
  readonly id: string | undefined;
  /** Milliseconds; Infinity for none. */
  readonly timeout: number;
  readonly retry: RetryPolicy;
  readonly weight: number;
  readonly signal: AbortSignal | undefined;
  readonly transfer: readonly Transferable[];
  readonly consumer: Consumer | undefined;
  readonly isUrgent: boolean;
  readonly owner: TaskOwner;
}

/** Who carries out what is asked of a task's handle. */
export interface TaskOwner {
  cancel(task: Task, reason: unknown): boolean;
  renice(task: Task, niceness: number): boolean;
  /** The task's signal has aborted. */
  abort(task: Task, reason: unknown): void;
  /** Calls a listener of the user's, who may throw. */
  guard(call: () => void): void;
}

/** What only few tasks need, above all those whose handle somebody has, so that the others need no room for it. */
class Extras {
  /** How often it was run again, by what went wrong. */
  readonly retries = { lost: 0, timeout: 0, error: 0 };
  /** How often another queue has run it before it came to this one. */
  earlierAttempts = 0;
  /** Until it is run again. */
  delay: NodeJS.Timeout | undefined;
  listeners: Set<(progress: unknown) => void> | null = null;
  /** What it ended with, kept for a promise that nobody has asked for yet. */
  outcome: unknown;
  /** When it ended, of a task that did not end with its attempt. */
  endedAt: number | undefined;
  /** When a series or queue with a limited rate last let it go. */
  takenAt = 0;
}

type Settle = (outcome: unknown) => void;

// The executor is one function for all promises, not a closure for each: it runs synchronously, so it can leave what
// it was given here. Rejecting goes through `resolve` with a rejected promise, as memory per waiting task is speed.
const forget: Settle = () => {};
let lastResolve = forget;
const takeResolve = (resolve: Settle) => {
  lastResolve = resolve;
};

/**
 * One call: the record that waits in the scheduler and the handle its caller has, in one object, as there may be
 * millions of them. As an AsyncResource it remembers the async context of the call.
 *
 * Bytes are speed here: what waits is copied by the garbage collector, twice, and what an ended task still refers to
 * stays as long as the task, which by then is in the old generation. So a field is worth having only if every waiting
 * task needs it, and a task whose handle nobody was given lets go of its attempt when it is done.
 */
export class Task extends AsyncResource implements Job, TaskHandle {
  prev: Job | null = null;
  next: Job | null = null;
  row: Row | null = null;
  place = 0;
  niceness: number;

  readonly fn: AnyFunction | TaskRef;
  readonly args: unknown[];
  readonly series: unknown;
  readonly settings: TaskSettings;
  readonly #queued = thisTurn();
  phase: Phase = QUEUED;
  attempts = 0;
  /** The latest; null again when the task is done and nobody can ask for it. */
  attempt: Attempt | null = null;
  #promise: Promise<unknown> | null = null;
  #resolve: Settle | null = null;
  #extras: Extras | null = null;

  constructor(fn: AnyFunction | TaskRef, args: unknown[], series: unknown, niceness: number, settings: TaskSettings) {
    // Said explicitly it is the same id, but as a small integer, which takes no memory of its own.
    super('niceq.Task', toSmallInteger(executionAsyncId()));
    this.fn = fn;
    this.args = args;
    this.series = series;
    this.niceness = niceness;
    this.settings = settings;
  }

  get weight(): number {
    return this.settings.weight;
  }

  get repeated(): boolean {
    return this.attempts > 0;
  }

  get holdable(): boolean {
    return this.attempts === 0 && !this.settings.isUrgent && this.settings.transfer.length === 0;
  }

  get id(): string {
    return idOf(this.key);
  }

  get key(): TaskKey {
    return this.settings.id ?? this.asyncId();
  }

  get state(): TaskState {
    return states[this.phase] as TaskState;
  }

  /** The task as what its caller or a listener is given: from now on it remembers how it went. */
  get handle(): TaskHandle {
    this.keep();
    return this;
  }

  /** Somebody may ask for its attempt after it is done. */
  keep(): Extras {
    this.#extras ??= new Extras();
    return this.#extras;
  }

  get queuedAt(): number {
    return this.#queued.at;
  }

  get takenAt(): number {
    return this.#extras?.takenAt ?? 0;
  }

  set takenAt(at: number) {
    this.extras.takenAt = at;
  }

  get isSettled(): boolean {
    return this.phase >= DONE;
  }

  get workerId(): number | undefined {
    return this.attempt?.employment.id;
  }

  get startedAt(): number | undefined {
    return this.attempt?.startedAt || undefined;
  }

  get endedAt(): number | undefined {
    if (!this.isSettled) return undefined;
    return this.#extras?.endedAt ?? this.attempt?.endedAt;
  }

  get earlierAttempts(): number {
    return this.#extras?.earlierAttempts ?? 0;
  }

  get extras(): Extras {
    return this.keep();
  }

  /** Made when somebody asks for it: a promise that nobody has can't be rejected unhandled. */
  get promise(): Promise<unknown> {
    if (this.#promise === null) {
      this.#promise = new Promise(takeResolve);
      this.#resolve = lastResolve;
      // It would keep the promise, and what that has been rejected with knows the queue.
      lastResolve = forget;
      if (this.isSettled) this.fulfil(this.extras.outcome);
    }
    return this.#promise;
  }

  /** Ends the task, with its result or with an error, as `phase` says. */
  settle(phase: typeof DONE | typeof FAILED | typeof CANCELLED, outcome: unknown, at: number): void {
    this.phase = phase;
    // The attempt may run on, or have ended long ago.
    if (this.attempt?.endedAt !== at) this.extras.endedAt = at;
    if (this.#promise === null) this.extras.outcome = outcome;
    else this.fulfil(outcome);
  }

  /** Everybody who had to be told that it is done has been. */
  forget(): void {
    if (this.#extras === null && this.phase === DONE) this.attempt = null;
  }

  // Not `#`: a private method would cost every task a field.
  private fulfil(outcome: unknown): void {
    (this.#resolve as Settle)(this.phase === DONE ? outcome : Promise.reject(outcome));
    this.#resolve = null;
  }

  cancel(reason?: unknown): boolean {
    return this.settings.owner.cancel(this, reason);
  }

  abort(reason: unknown): void {
    this.settings.owner.abort(this, reason);
  }

  renice(niceness: number): boolean {
    return this.settings.owner.renice(this, checkInteger('niceness', niceness, -20, 20));
  }

  onProgress(listener: (progress: unknown) => void): () => void {
    checkFunction('listener', listener);
    const { extras } = this;
    extras.listeners ??= new Set();
    extras.listeners.add(listener);
    return () => {
      extras.listeners?.delete(listener);
    };
  }

  /** Tells those who listen what the task reports. */
  progressed(progress: unknown): void {
    const listeners = this.#extras?.listeners;
    if (listeners == null) return;
    // Those who listen may add and remove others.
    for (const listener of [...listeners]) {
      if (listeners.has(listener)) this.settings.owner.guard(() => listener(progress));
    }
  }
}

/** The same number, represented as an integer if it fits into one. */
function toSmallInteger(n: number): number {
  const integer = n | 0;
  return integer === n ? integer : n;
}
