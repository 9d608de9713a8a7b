import { checkDuration } from '../check.js';
import type { RetryPolicy } from '../queue/options.js';
import type { Task } from '../queue/task.js';
import { isThenable, toPromise } from '../tasks/thenable.js';

/** What can go wrong with an attempt. */
export type Failure = 'lost' | 'timeout' | 'error';

/** Calls something of the user's, who may throw. */
type Guard = (call: () => void) => void;

/**
 * Whether attempt number `attempt`, which failed with `error`, is to be followed by another.
 *
 * @throws TypeError if whoever is asked answers with a promise.
 */
export function mayRetry(task: Task, failure: Failure, error: unknown, attempt: number, guard: Guard): boolean {
  const { retry, transfer } = task.settings;
  const limit = retry[failure];
  // What was handed over is gone.
  if (transfer.length > 0) return false;
  if (typeof limit === 'number') return task.extras.retries[failure] < limit;
  let answer: unknown = false;
  guard(() => {
    answer = limit(error, attempt);
  });
  if (!isThenable(answer)) return Boolean(answer);
  // Nobody waits for it.
  toPromise(answer).catch(() => {});
  throw new TypeError(
    'Expected `retry.error(error, attempt)` to return a boolean at once, got a promise: decide by the error, without awaiting anything',
    { cause: error },
  );
}

/** Milliseconds until the attempt after number `attempt`. */
export function delayAfter({ delay }: RetryPolicy, attempt: number, guard: Guard): number {
  if (typeof delay === 'number') return delay;
  let result = 0;
  guard(() => {
    result = checkDuration('retry.delay(attempt)', delay(attempt), { zero: true });
  });
  return result;
}
