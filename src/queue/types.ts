import type { ReadableStream } from 'node:stream/web';
import type { TaskRef } from '../tasks/task-module.js';

/** A function, or a reference to one, that takes `A` and returns `R`. */
export type Callee<A extends unknown[], R> = ((...args: A) => R) | TaskRef<(...args: A) => R>;

/** What a call of a function that returns `R` resolves with: iterators become async iterators. */
export type Result<R> = 0 extends 1 & R ? R : Iterated<Awaited<R>>;

type Iterated<V> =
  V extends ReadableStream<infer T>
    ? AsyncIterableIterator<T>
    : V extends AsyncIterator<infer T>
      ? AsyncIterableIterator<T>
      : V extends Iterator<infer T>
        ? AsyncIterableIterator<Awaited<T>>
        : V extends AsyncIterable<infer T>
          ? AsyncIterableIterator<T>
          : V;
