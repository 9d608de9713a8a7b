import { checkDuration, checkOptions, checkSignal } from '../check.js';

export interface WaitOptions {
  /** Milliseconds from the call after which the answer is false: 0 or more. Default: never. */
  timeout?: number;
  /** Ends the wait, which then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What `subscribe` returns: stops looking. */
type Unsubscribe = () => void;

/**
 * Waits until `wake` is called (true) or the time runs out (what `lastLook` says then, or false).
 *
 * @throws what `fail` is called with; the signal's reason; TypeError or RangeError for a bad option.
 */
export async function wait(
  options: WaitOptions = {},
  subscribe: (wake: () => void, fail: (error: unknown) => void) => Unsubscribe,
  lastLook: () => boolean = () => false,
): Promise<boolean> {
  checkOptions('options', options);
  const { timeout = Number.POSITIVE_INFINITY, signal } = options;
  checkDuration('timeout', timeout, { zero: true, infinity: true });
  if (signal !== undefined) checkSignal('signal', signal);
  signal?.throwIfAborted();

  let timer: NodeJS.Timeout | undefined;
  let aborted = () => {};
  let unsubscribe: Unsubscribe = () => {};
  try {
    return await new Promise((resolve, reject) => {
      aborted = () => reject(signal?.reason);
      signal?.addEventListener('abort', aborted);
      const timedOut = () => {
        try {
          resolve(lastLook());
        } catch (error) {
          reject(error);
        }
      };
      if (timeout !== Number.POSITIVE_INFINITY) timer = setTimeout(timedOut, timeout);
      unsubscribe = subscribe(() => resolve(true), reject);
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', aborted);
    unsubscribe();
  }
}
