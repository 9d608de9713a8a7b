import { checkFunction, checkOptions } from './check.js';
import type { Logger } from './queue/options.js';
import { isThenable, toPromise } from './tasks/thenable.js';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/**
 * The user's logger, or a TypeError that says what it lacks. As it may throw like every listener, and disturb nobody,
 * what comes back throws again in a macrotask of its own.
 */
export function checkLogger(logger: Logger | undefined): Logger | undefined {
  if (logger === undefined) return undefined;
  checkOptions('logger', logger);
  const guarded = {} as Logger;
  for (const level of LEVELS) {
    checkFunction(`logger.${level}`, logger[level]);
    guarded[level] = (message, ...details) => {
      try {
        logger[level](message, ...details);
      } catch (error) {
        throwLater(error);
      }
    };
  }
  return guarded;
}

/** Throws in a macrotask of its own, where it disturbs nothing that goes on. */
function throwLater(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

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
    if (isThenable(result)) toPromise(result).catch(report);
  } catch (error) {
    report(error);
  }
}
