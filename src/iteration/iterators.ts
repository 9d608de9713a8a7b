/** An iterator of either sort, of which only this is used. */
export interface AnyIterator {
  next(): IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>>;
  return?(): unknown;
}

/**
 * The iterator that a task has returned: a generator, an iterator of any other make, an async one, a ReadableStream or
 * other async iterable. Null for everything else: arrays, strings, Maps... are values.
 */
export function iteratorOf(result: unknown): AnyIterator | null {
  if (typeof result !== 'object' || result === null) return null;
  const { [Symbol.asyncIterator]: asyncIterator, next } = result as Partial<AsyncIterable<unknown> & AnyIterator>;
  if (typeof asyncIterator === 'function') return asyncIterator.call(result) as AnyIterator;
  return typeof next === 'function' ? (result as AnyIterator) : null;
}
