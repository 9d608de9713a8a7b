import { isPromise } from 'node:util/types';

/** Whether a task's result is still to come. May throw, as a getter of the result may. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as Partial<PromiseLike<unknown>>).then === 'function'
  );
}

const { then } = Promise.prototype;

/**
 * A promise of what a thenable settles with, which is itself if it is a real one. One of another make may throw, or
 * settle twice, when it is asked; that of its outcome does neither. May throw, as a getter of the thenable may.
 */
export function toPromise<T>(thenable: PromiseLike<T>): Promise<T> {
  return isPromise(thenable) && thenable.then === then
    ? (thenable as Promise<T>)
    : new Promise((resolve) => resolve(thenable));
}
