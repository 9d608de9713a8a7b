import { throwLater } from '../logger.js';
import type { Logger } from '../queue/options.js';
import { isThenable } from '../tasks/thenable.js';

/**
 * Calls something of the user's, which may neither disturb nor delay the caller: what it throws, or its promise rejects
 * with, goes to the logger, or without one is thrown again in a macrotask of its own.
 */
export function guard(logger: Logger | undefined, what: string, call: () => unknown): void {
  const report = (error: unknown) => {
    if (logger === undefined) throwLater(error);
    else logger.error(`${what} threw`, error);
  };
  try {
    const result = call();
    if (isThenable(result)) result.then(undefined, report);
  } catch (error) {
    report(error);
  }
}
