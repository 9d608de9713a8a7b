/** Whether a task's result is still to come. May throw, as a getter of the result may. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as Partial<PromiseLike<unknown>>).then === 'function'
  );
}

/** A promise of what a thenable settles with, which is itself if it is one already. */
export function toPromise(thenable: unknown): Promise<unknown> {
  return thenable instanceof Promise ? thenable : new Promise((resolve) => resolve(thenable));
}
