import {
  type Assignment,
  AsyncWorker,
  type Employer,
  type IWorker,
  type Logger,
  TaskQueue,
  type TaskQueueOptions,
} from 'niceq';
import { afterEach, vi } from 'vitest';

interface ManualOptions {
  kind?: string;
  concurrency?: number;
  series?: readonly unknown[];
  /** Whether it can end what runs, as threads and processes can. */
  cancels?: boolean;
  /** How many assignments it takes beyond its concurrency. */
  ahead?: number;
}

/** A worker that does only what the test says. It reports the start of what it has a place for at once. */
export class ManualWorker implements IWorker {
  id?: number;
  readonly kind: string;
  readonly series: readonly unknown[] | null;
  readonly concurrency: number;
  readonly running: Assignment[] = [];
  readonly held: Assignment[] = [];
  /** The ids of everything it was given, in order. */
  readonly given: string[] = [];
  readonly cancelled: [id: string, reason: unknown][] = [];
  readonly calls: string[] = [];
  employer!: Employer;
  readonly cancel?: (assignment: Assignment, reason: unknown) => void;
  readonly #ahead: number;

  constructor({ kind = 'manual', concurrency = 1, series, cancels = false, ahead = 0 }: ManualOptions = {}) {
    this.kind = kind;
    this.concurrency = concurrency;
    this.series = series ?? null;
    this.#ahead = ahead;
    if (cancels) this.cancel = ({ id }, reason) => void this.cancelled.push([id, reason]);
  }

  async start(employer: Employer): Promise<void> {
    this.employer = employer;
  }

  run(assignment: Assignment): void {
    this.given.push(assignment.id);
    if (this.running.length < this.concurrency) {
      this.running.push(assignment);
      assignment.started();
    } else {
      this.held.push(assignment);
    }
  }

  holds(): boolean {
    return this.held.length < this.#ahead;
  }

  recall(assignment: Assignment): boolean | Promise<boolean> {
    return take(this.held, assignment);
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
  }

  crash(): void | Promise<void> {
    this.calls.push('crash');
    this.running.length = 0;
    this.held.length = 0;
  }

  /** What runs under this id, or the one thing that runs. */
  find(id?: string): Assignment {
    const found = id === undefined ? this.running[0] : this.running.find((assignment) => assignment.id === id);
    if (found === undefined) throw new Error(`Nothing runs as ${id}`);
    return found;
  }

  done(value?: unknown, id?: string): void {
    const assignment = this.find(id);
    take(this.running, assignment);
    assignment.done(value);
    this.#proceed();
  }

  fail(error: unknown, id?: string): void {
    const assignment = this.find(id);
    take(this.running, assignment);
    assignment.fail(error);
    this.#proceed();
  }

  #proceed(): void {
    const next = this.held.shift();
    if (next === undefined) return;
    this.running.push(next);
    next.started();
  }
}

/** It never answers when it is asked for something back. */
export class ForgetfulWorker extends ManualWorker {
  override recall(): Promise<boolean> {
    return new Promise(() => {});
  }
}

function take<T>(from: T[], item: T): boolean {
  const index = from.indexOf(item);
  if (index !== -1) from.splice(index, 1);
  return index !== -1;
}

const immediate = setImmediate;

/** Resolves when everything that follows from what was done has happened, timers apart. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    immediate(resolve);
  });
}

const queues: TaskQueue[] = [];
afterEach(async () => {
  await Promise.all(queues.splice(0).map((queue) => queue.shutdown({ mode: 'crash' })));
});

/** A queue that is crashed after the test. */
export function queueOf(workers: readonly IWorker[] = [new AsyncWorker()], options: TaskQueueOptions = {}): TaskQueue {
  const queue = new TaskQueue({ ...options, workers });
  queues.push(queue);
  return queue;
}

/** A queue with one worker that does what the test says, and has started. */
export async function manual(
  options: ManualOptions = {},
  queueOptions: TaskQueueOptions = {},
): Promise<{ queue: TaskQueue; worker: ManualWorker }> {
  const worker = new ManualWorker(options);
  const queue = queueOf([worker], queueOptions);
  await settled();
  return { queue, worker };
}

/** What the promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`Expected a rejection, got ${String(outcome.value)}`);
  return outcome.error as Error & Record<string, unknown>;
}

/** Nothing to do: what matters is when and where. */
export const nothing = () => {};

/** A logger that remembers what it was told, and does as `error` does when something went wrong. */
export const loggerWith = (error: Logger['error'] = nothing) => ({
  debug: vi.fn(),
  info: vi.fn(),
  warn: vi.fn(),
  error: vi.fn(error),
});
