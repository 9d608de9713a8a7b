// Not the global one: the pause below is no part of anybody's time, so a test's fake timers must not hold it back.
import { setImmediate } from 'node:timers';
import { wrongType } from '../check.js';
import { guard } from '../logger.js';
import type { Logger } from '../queue/options.js';
import { isThenable, toPromise } from '../tasks/thenable.js';
import type { SourceTask, TaskConsumer } from './task-source.js';

/** What a producer returns: a task, or null or undefined if there is none at the moment. */
export type Product = SourceTask | null | undefined;

/** After so many polls in a row the event loop gets a turn: a producer and tasks that never wait would block it. */
const POLLS_IN_A_ROW = 100;

/**
 * Asks a producer for tasks, one poll at a time, and tells a consumer what came of it.
 *
 * A poll ends when the consumer has been told. What is asked for meanwhile, by the consumer too, comes after it, and in
 * a loop rather than by recursion: a producer that always has a task at once can't exhaust the stack.
 */
export class Poller {
  readonly #produce: () => Product | PromiseLike<Product>;
  readonly #logger: Logger | undefined;
  #consumer: TaskConsumer | null = null;
  #isStarted = false;
  #isPolling = false;
  /** Whether another poll is to follow as soon as it can. */
  #isDue = false;
  #isPausing = false;
  #polls = 0;
  #waitingForEnd: (() => void)[] = [];

  constructor(produce: () => Product | PromiseLike<Product>, logger: Logger | undefined) {
    this.#produce = produce;
    this.#logger = logger;
  }

  /** Polls for `consumer` from now on: at once, or when the poll under way has ended. */
  start(consumer: TaskConsumer): void {
    this.#consumer = consumer;
    this.#isStarted = true;
    this.#isDue = true;
    this.#continue();
  }

  /** Polls once more, unless a poll is under way. */
  poll(): void {
    if (this.#isPolling) return;
    this.#isDue = true;
    this.#continue();
  }

  /** Resolves when the poll under way has ended: whether polling is still stopped. */
  stop(): Promise<boolean> {
    this.#isStarted = false;
    this.#isDue = false;
    if (!this.#isPolling) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#waitingForEnd.push(() => resolve(!this.#isStarted));
    });
  }

  #continue(): void {
    while (this.#isDue && !this.#isPolling && !this.#isPausing) {
      if (++this.#polls > POLLS_IN_A_ROW) this.#pause();
      else this.#poll();
    }
  }

  #pause(): void {
    this.#isPausing = true;
    setImmediate(() => {
      this.#isPausing = false;
      this.#polls = 0;
      this.#continue();
    });
  }

  #poll(): void {
    this.#isDue = false;
    this.#isPolling = true;
    try {
      const product = this.#produce();
      if (isThenable(product)) {
        toPromise(product).then(
          (result) => this.#endLater(() => this.#produced(result)),
          (error) => this.#endLater(() => this.#failed(error)),
        );
        return;
      }
      this.#produced(product);
    } catch (error) {
      this.#failed(error);
    }
    this.#end();
  }

  #endLater(tell: () => void): void {
    tell();
    this.#end();
    this.#continue();
  }

  #end(): void {
    this.#isPolling = false;
    const waiting = this.#waitingForEnd;
    this.#waitingForEnd = [];
    for (const ended of waiting) ended();
  }

  #produced(product: unknown): void {
    if (product === null || product === undefined) this.#tell('noTasksFound', (consumer) => consumer.noTasksFound());
    else if (typeof product === 'function') {
      this.#tell('taskStarted', (consumer) => consumer.taskStarted(product as SourceTask));
    } else this.#failed(wrongType('task', 'a function, null or undefined', product));
  }

  #failed(error: unknown): void {
    this.#tell('taskProductionFailed', (consumer) => consumer.taskProductionFailed(error));
  }

  #tell(method: string, call: (consumer: TaskConsumer) => unknown): void {
    guard(this.#logger, `\`${method}\` of the consumer`, () => call(this.#consumer as TaskConsumer));
  }
}
