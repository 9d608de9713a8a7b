import { setImmediate } from 'node:timers/promises';
import type { Clock, SourceTask, TaskConsumer, TaskSource } from 'niceq/source';

/** Lets everything run that needs no timer. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await setImmediate();
}

/** Time that passes only by `advance`. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Map<object, { at: number; callback: () => void }>();

  get timers(): number {
    return this.#timers.size;
  }

  setTimeout(callback: () => void, delay: number): object {
    const timer = {};
    this.#timers.set(timer, { at: this.#now + delay, callback });
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as object);
  }

  advance(duration: number): void {
    const end = this.#now + duration;
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (next === undefined) break;
      const [timer, { at, callback }] = next;
      this.#timers.delete(timer);
      this.#now = at;
      callback();
    }
    this.#now = end;
  }
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((...settlers) => {
    [resolve, reject] = settlers;
  });
  return { promise, resolve, reject };
}

/** Writes down what a source tells it. */
export class LoggingConsumer implements TaskConsumer {
  readonly log: unknown[][] = [];

  taskStarted(task: SourceTask): unknown {
    this.log.push(['taskStarted', task]);
    return undefined;
  }

  noTasksFound(): void {
    this.log.push(['noTasksFound']);
  }

  taskProductionFailed(error: unknown): unknown {
    this.log.push(['taskProductionFailed', error]);
    return undefined;
  }
}

/** Writes down what a consumer does with it; its `stop` says what it was told to say. */
export class LoggingSource implements TaskSource {
  readonly log: (string | unknown[])[] = [];
  answer: Promise<boolean> = Promise.resolve(true);

  start(consumer: TaskConsumer): void {
    this.log.push(['start', consumer]);
  }

  stop(): Promise<boolean> {
    this.log.push('stop');
    return this.answer;
  }
}

/** Writes down what it is told. */
export class LoggingLogger {
  readonly log: unknown[][] = [];
  readonly debug = this.#level('debug');
  readonly info = this.#level('info');
  readonly warn = this.#level('warn');
  readonly error = this.#level('error');

  #level(level: string) {
    return (...entry: unknown[]) => {
      this.log.push([level, ...entry]);
    };
  }
}

/** Whether a promise is pending, or what became of it. */
export async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'done' | { failed: unknown }> {
  const state = promise.then(
    () => 'done' as const,
    (failed) => ({ failed }),
  );
  await settle();
  return await Promise.race([state, 'pending' as const]);
}
