import { Readable } from 'node:stream';
import { wrongType } from '../check.js';
import type { Logger } from '../queue/options.js';
import { Poller, type Product } from './poller.js';
import type { SourceTask, TaskConsumer, TaskSource } from './task-source.js';

/** Tasks to be pulled one by one: an array, a generator, a Node Readable in object mode... */
export type TaskIterable = Iterable<SourceTask | PromiseLike<SourceTask>> | AsyncIterable<SourceTask>;

type TaskIterator = Iterator<SourceTask | PromiseLike<SourceTask>> | AsyncIterator<SourceTask>;

export function isIterable(value: unknown): value is TaskIterable {
  if (typeof value !== 'object' || value === null) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}

/** An iterable as a source: pulls one task at each start, so never one that nobody has a place for. */
export class IterableTaskSource implements TaskSource {
  readonly #iterable: TaskIterable;
  readonly #iterator: TaskIterator;
  readonly #poller: Poller;
  #isDone = false;

  constructor(iterable: TaskIterable, logger: Logger | undefined) {
    this.#iterable = iterable;
    this.#iterator = Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
    this.#poller = new Poller(() => this.#pull(), logger);
  }

  start(consumer: TaskConsumer): void {
    this.#poller.start(consumer);
  }

  stop(): Promise<boolean> {
    return this.#poller.stop();
  }

  /** Tells an iterator that has not ended that nobody pulls any more, so that it can clean up. */
  async close(): Promise<void> {
    if (this.#isDone) return;
    this.#isDone = true;
    // The iterator of a stream would let a pending read wait, for good if need be, before it destroys the stream.
    if (this.#iterable instanceof Readable) this.#iterable.destroy();
    await this.#iterator.return?.();
  }

  #pull(): Product | Promise<Product> {
    if (this.#isDone) return null;
    const step = this.#iterator.next();
    return 'then' in step ? step.then((result) => this.#taskOf(result)) : this.#taskOf(step);
  }

  #taskOf({ done, value }: IteratorResult<SourceTask | PromiseLike<SourceTask>>): Product | Promise<Product> {
    if (done === true) {
      this.#isDone = true;
      return null;
    }
    return typeof value === 'function' ? value : this.#awaitTask(value);
  }

  async #awaitTask(value: PromiseLike<SourceTask>): Promise<SourceTask> {
    const task = await value;
    // Only the end of the iteration means that there is none, so null is no task either.
    if (typeof task !== 'function') throw wrongType('task', 'a function', task);
    return task;
  }
}
