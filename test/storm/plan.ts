import { type CallOptions, isNiceqError, type NiceqErrorCode, type TaskHandle, type TaskRef, taskModule } from 'niceq';
import { Random } from './random.js';
import type { Ran } from './storm.tasks.mjs';

const tasks = taskModule<typeof import('./storm.tasks.mjs')>(new URL('./storm.tasks.mjs', import.meta.url));

/** How often each sort of task occurs. */
const SORTS = {
  value: 600,
  wait: 150,
  burn: 60,
  progress: 30,
  flaky: 30,
  items: 25,
  feed: 12,
  slow: 12,
  uncloneable: 8,
  unsendable: 8,
  late: 0.4,
  exit: 0.4,
  hang: 0.3,
  block: 0.3,
  garble: 0.1,
  exhaust: 0.06,
} as const;

type Sort = keyof typeof SORTS;

/** What can't be done in the main thread: nobody could stop it. */
const ELSEWHERE: ReadonlySet<Sort> = new Set(['late', 'exit', 'hang', 'block', 'exhaust', 'garble', 'uncloneable']);

export type Ending = 'handle' | 'signal' | 'none';

/** One task of a storm: what is called, how, and what may come of it. Seed and number determine it. */
export class Plan {
  readonly id: number;
  readonly sort: Sort;
  readonly kind: string | undefined;
  readonly retry: { readonly lost: number; readonly timeout: number; readonly error: number };
  readonly timeout: number | undefined;
  /** A number for the body: how long, how many, how often. */
  readonly amount: number;
  /** Who ends it before its time, if anybody does. */
  readonly ending: Ending;
  /** What is done to it so many tasks later. */
  readonly endsAfter: number;
  readonly renicesTo: number | null;
  readonly options: CallOptions;
  /** How many items of an iterator are read before it is left. */
  readonly reads: number;

  constructor(seed: number, id: number) {
    const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(id + 1, 0x85ebca6b));
    this.id = id;
    this.sort = random.weighted(SORTS);
    this.kind = this.#kindOf(random);
    this.amount = random.below(4);
    this.reads = random.below(40);
    this.retry = { lost: random.below(3), timeout: random.below(2), error: random.below(3) };
    const isTimed = this.sort === 'slow' || this.sort === 'hang' || this.sort === 'block';
    this.timeout = isTimed ? 1 + random.below(8) : undefined;
    this.ending = random.chance(0.03) ? (random.chance(0.5) ? 'handle' : 'signal') : 'none';
    this.endsAfter = random.below(300);
    this.renicesTo = random.chance(0.03) ? random.below(41) - 20 : null;
    const place = random.next();
    this.options = {
      series: random.chance(0.2) ? undefined : `series ${random.below(12)}`,
      niceness: random.chance(0.3) ? random.below(41) - 20 : 0,
      retry: { ...this.retry, delay: random.chance(0.3) ? random.below(4) : 0 },
      ...(this.kind !== undefined && { on: this.kind }),
      ...(this.timeout !== undefined && { timeout: this.timeout }),
      ...(place < 0.01 && { doNext: true }),
      ...(place > 0.98 && { doLast: true }),
    };
  }

  #kindOf(random: Random): string | undefined {
    const { sort } = this;
    const among = { any: 4, async: 1, thread: 3, process: 2 };
    if (sort === 'garble') return 'process';
    if (sort === 'exhaust') return 'thread';
    if (sort === 'unsendable') return random.chance(0.5) ? 'thread' : 'process';
    if (ELSEWHERE.has(sort)) return random.chance(0.9) ? 'thread' : 'process';
    const kind = random.weighted(among);
    return kind === 'any' ? undefined : kind;
  }

  /** The function and its arguments. */
  call(log: string): { fn: TaskRef<(...args: never[]) => unknown>; args: never[] } {
    const { id, amount } = this;
    const call = <A extends unknown[]>(fn: TaskRef<(...args: A) => unknown>, ...args: A) => ({
      fn: fn as TaskRef<(...args: never[]) => unknown>,
      args: args as unknown[] as never[],
    });
    switch (this.sort) {
      case 'value':
        return call(tasks.value, log, id);
      case 'wait':
        return call(tasks.wait, log, id, amount);
      case 'burn':
        return call(tasks.burn, log, id, amount / 4);
      case 'progress':
        return call(tasks.progress, log, id);
      case 'flaky':
        return call(tasks.flaky, log, id, amount);
      case 'items':
      case 'feed':
        return call(tasks.items, log, id, amount * 10);
      case 'slow':
        return call(tasks.slow, log, id, id % 16 === 0);
      case 'uncloneable':
        return call(tasks.uncloneable, log, id);
      case 'unsendable':
        return call(tasks.value as TaskRef<(...args: unknown[]) => Ran>, log, id, { deep: [() => {}] });
      case 'late':
        return call(tasks.late, log, id);
      case 'exit':
        return call(tasks.exit, log, id, amount);
      case 'hang':
        return call(tasks.hang, log, id);
      case 'block':
        return call(tasks.block, log, id);
      case 'garble':
        return call(tasks.garble, log, id);
      case 'exhaust':
        return call(tasks.exhaust, log, id);
    }
  }

  /** How many attempts it may have been given, with so many of them taken from a worker that was crashed on purpose. */
  maxAttempts(crashes: number): number {
    const { lost, timeout, error } = this.retry;
    return 1 + lost + timeout + error + crashes;
  }

  /** What is wrong with its outcome, given the reasons for which it may have been ended; null if nothing is. */
  fault(outcome: Outcome, handle: TaskHandle, endings: ReadonlySet<unknown>): string | null {
    if (outcome.isError) return this.#faultOfError(outcome.error, handle, endings);
    if (handle.state !== 'done') return `resolved, but is ${handle.state}`;
    const { value } = outcome;
    switch (this.sort) {
      case 'items':
      case 'feed':
      case 'garble':
        return null;
      case 'value':
      case 'wait':
      case 'burn':
      case 'progress':
      case 'late':
      case 'slow':
        return this.#faultOfValue(value, handle);
      case 'flaky':
      case 'exit':
        if (handle.attempts <= this.amount) return `resolved in attempt ${handle.attempts}`;
        return this.#faultOfValue(value, handle);
      default:
        return 'resolved, although it could not';
    }
  }

  #faultOfValue(value: unknown, handle: TaskHandle): string | null {
    const { id, attempt } = value as Ran;
    if (id !== this.id) return `got the result of task ${id}`;
    return attempt === handle.attempts ? null : `got the result of attempt ${attempt} of ${handle.attempts}`;
  }

  #faultOfError(error: unknown, handle: TaskHandle, endings: ReadonlySet<unknown>): string | null {
    const { state, attempts } = handle;
    const rejected = `rejected with ${error}`;
    if (state === 'cancelled') {
      const reason = isNiceqError(error, 'ERR_TASK_CANCELLED') ? (error as Error).cause : error;
      return endings.has(reason) ? null : rejected;
    }
    // Whatever else it is: its worker may have died under it more often than it may be run again. One in this thread
    // does not die, but it may be detached while a consumer reads what it makes.
    const mayBeLost = this.kind !== 'async' || (this.sort === 'feed' && endings.has('crash'));
    if (mayBeLost && isNiceqError(error, 'ERR_WORKER_LOST')) {
      if (state !== 'failed') return `was lost, but is ${state}`;
      // What iterates is never run again.
      return attempts > this.retry.lost || this.sort === 'feed'
        ? null
        : `was lost in attempt ${attempts}, with ${this.retry.lost} retries`;
    }
    if (state !== 'failed') return `${rejected}, but is ${state}`;
    const is = (code: NiceqErrorCode) => (isNiceqError(error, code) ? null : rejected);
    switch (this.sort) {
      case 'slow':
      case 'hang':
      case 'block':
        return is('ERR_TASK_TIMEOUT');
      case 'uncloneable':
      case 'unsendable':
        return is('ERR_NOT_PORTABLE');
      case 'flaky':
        if (!(error instanceof RangeError) || (error as { id?: unknown }).id !== this.id) return rejected;
        return attempts <= this.amount && attempts > this.retry.error ? null : `failed in attempt ${attempts}`;
      default:
        return rejected;
    }
  }
}

export type Outcome =
  | { readonly isError: false; readonly value: unknown }
  | { readonly isError: true; readonly error: unknown };
