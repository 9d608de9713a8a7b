import { checkFunction, checkOptions } from '../check.js';
import type { Logger } from '../queue/options.js';
import { isThenable } from '../tasks/thenable.js';

export function checkLogger(logger: Logger | undefined): Logger | undefined {
  if (logger === undefined) return undefined;
  checkOptions('logger', logger);
  for (const level of ['debug', 'info', 'warn', 'error'] as const) checkFunction(`logger.${level}`, logger[level]);
  return logger;
}

/**
 * Calls something of the user's, which may neither disturb nor delay the caller: what it throws, or its promise rejects
 * with, goes to the logger, or without one is thrown again in a macrotask of its own.
 */
export function guard(logger: Logger | undefined, what: string, call: () => unknown): void {
  const report = (error: unknown) => {
    if (logger === undefined) throwLater(error);
    else log(() => logger.error(`${what} threw`, error));
  };
  try {
    const result = call();
    if (isThenable(result)) result.then(undefined, report);
  } catch (error) {
    report(error);
  }
}

/** Writes to the logger, which is the user's too. */
export function log(write: () => void): void {
  try {
    write();
  } catch (error) {
    throwLater(error);
  }
}

function throwLater(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
