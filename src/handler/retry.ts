import { checkDuration } from '../check.js';
import type { RetryPolicy } from '../queue/options.js';
import type { Task } from '../queue/task.js';

/** What can go wrong with an attempt. */
export type Failure = 'lost' | 'timeout' | 'error';

/** Calls something of the user's, who may throw. */
type Guard = (call: () => void) => void;

/** Whether attempt number `attempt`, which failed with `error`, is to be followed by another. */
export function mayRetry(task: Task, failure: Failure, error: unknown, attempt: number, guard: Guard): boolean {
  const { retry, transfer } = task.settings;
  const limit = retry[failure];
  // What was handed over is gone.
  if (transfer.length > 0) return false;
  if (typeof limit === 'number') return task.extras.retries[failure] < limit;
  let isWanted = false;
  guard(() => {
    isWanted = limit(error, attempt);
  });
  return isWanted;
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
