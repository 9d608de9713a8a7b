import { checkFunction, checkOptions } from './check.js';
import type { Logger } from './queue/options.js';

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
export function throwLater(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
