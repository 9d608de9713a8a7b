import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import type { TaskRef } from '../tasks/task-module.js';

/** A function, or a reference to one, that takes `A` and returns `R`. */
export type Callee<A extends unknown[], R> = ((...args: A) => R) | TaskRef<(...args: A) => R>;

/**
 * Arguments that are inferred. As `unknown[]` a parameter with a default value and no type of its own, of which a call
 * gives no argument, would have none.
 */
// biome-ignore lint/suspicious/noExplicitAny: it only bounds what is inferred.
export type Arguments = any[];

/** What a call of a function that returns `R` resolves with: iterators become async iterators. */
export type Result<R> = 0 extends 1 & R ? R : Iterated<Awaited<R>>;

type Iterated<V> =
  // That of Node, and the global one, which is another where the types of the DOM are.
  V extends NodeReadableStream<infer T> | ReadableStream<infer T>
    ? AsyncIterableIterator<T>
    : V extends AsyncIterator<infer T>
      ? AsyncIterableIterator<T>
      : V extends Iterator<infer T>
        ? AsyncIterableIterator<Awaited<T>>
        : V extends AsyncIterable<infer T>
          ? AsyncIterableIterator<T>
          : V;
