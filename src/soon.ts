const settled = Promise.resolve();

/** Calls `callback`, which must not throw, in a microtask. Node's queueMicrotask makes a resource and a closure more. */
export function soon(callback: () => void): void {
  settled.then(callback);
}
