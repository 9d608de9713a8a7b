import { checkFunction, checkOptions } from './check.js';
import type { Logger } from './queue/options.js';
import { isThenable, toPromise } from './tasks/thenable.js';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/**
 * The user's logger, or a TypeError that says what it lacks. As it may throw like every listener, at once or later, and
 * disturb nobody, what comes back throws again in a macrotask of its own.
 */
export function checkLogger(logger: Logger | undefined): Logger | undefined {
  if (logger === undefined) return undefined;
  checkOptions('logger', logger);
  const guarded = {} as Logger;
  for (const level of LEVELS) {
    const name = `logger.${level}`;
    checkFunction(name, logger[level]);
    guarded[level] = (message, ...details) => guard(undefined, name, () => logger[level](message, ...details));
  }
  return guarded;
}

/**
 * Calls something of the user's, which may neither disturb nor delay the caller: what it throws, or its promise rejects
 * with, goes to the logger, or without one is thrown again in a macrotask of its own.
 */
export function guard(logger: Logger | undefined, what: string, call: () => unknown): void {
  try {
    const result = call();
    if (isThenable(result)) toPromise(result).catch((error) => report(logger, what, error));
  } catch (error) {
    report(logger, what, error);
  }
}

function report(logger: Logger | undefined, what: string, error: unknown): void {
  if (logger !== undefined) {
    logger.error(`${what} threw`, error);
    return;
  }
  setImmediate(() => {
    throw error;
  });
}
