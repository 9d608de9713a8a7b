import { checkDuration, checkFunction, checkNumber, checkOptions, MAX_DURATION } from '../check.js';
import { isThenable } from '../tasks/thenable.js';
import { type WaitOptions, wait } from './wait.js';

export interface UntilOptions extends WaitOptions {
  /** Milliseconds before the third look: more than 0. Default 1. */
  interval?: number;
  /** What each interval is multiplied by for the next: 1..1.3. Default 1.1: a tenth of the time waited so far. */
  backoff?: number;
}

/**
 * Waits for something that has no event: looks at once, again as soon as the event loop comes round, then at ever wider
 * intervals. A last look is taken when the time runs out. A predicate may return a promise: no other look begins while it
 * is pending, and none is taken at the end.
 *
 * @returns true when the predicate returned something truthy, false when the time ran out first.
 * @throws what the predicate throws; the signal's reason; TypeError or RangeError for an invalid option.
 *
 * @example
 * ```ts
 * const isUp = await until(() => existsSync(socketPath), { timeout: 2000 });
 * ```
 */
export async function until(predicate: () => unknown, options: UntilOptions = {}): Promise<boolean> {
  checkFunction('predicate', predicate);
  checkOptions('options', options);
  const { interval = 1, backoff = 1.1 } = options;
  let pause = checkDuration('interval', interval);
  checkNumber('backoff', backoff, 1, 1.3);

  let immediate: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  let isAsync = false;
  const look = async (): Promise<boolean> => {
    const answer = predicate();
    isAsync ||= isThenable(answer);
    return Boolean(await answer);
  };

  return await wait(
    options,
    (wake, fail) => {
      const lookAndThen = (schedule: () => void) => {
        look().then((isSo) => {
          if (isSo) wake();
          else if (!isOver) schedule();
        }, fail);
      };
      const lookLater = () => {
        timer = setTimeout(lookAndThen, pause, lookLater);
        pause = Math.min(pause * backoff, MAX_DURATION);
      };
      lookAndThen(() => {
        immediate = setImmediate(lookAndThen, lookLater);
      });
      return () => {
        isOver = true;
        clearImmediate(immediate);
        clearTimeout(timer);
      };
    },
    // A promise would be too late.
    () => !isAsync && Boolean(predicate()),
  );
}
