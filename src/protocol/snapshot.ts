import { types } from 'node:util';

/**
 * What is said in one tick is one message, and only with the message is it copied. Until then whoever holds an object
 * may change it, and two who say the same object would share one copy on the other side. So a message may hold
 * primitive values, flat copies of small plain objects and arrays, and one object of any other make: the last one.
 */

/** Stands for a value of which there is no cheap copy: it must be sent at once. */
export const AT_ONCE = Symbol('at once');

/** Larger objects are not looked through: a message of their own costs less. */
const MAX_PARTS = 32;

/** The value as it is now, whatever becomes of it; or AT_ONCE. Never throws: what can't be read can't be sent either. */
export function snapshot(value: unknown): unknown {
  if (isPrimitive(value)) return value;
  if (typeof value !== 'object') return AT_ONCE;
  try {
    return Array.isArray(value) ? arrayCopy(value) : plainCopy(value as object);
  } catch {
    return AT_ONCE;
  }
}

function arrayCopy(array: readonly unknown[]): unknown {
  const isSmall = array.length <= MAX_PARTS && !types.isProxy(array);
  return isSmall && isDense(array) && array.every(isPrimitive) ? array.slice() : AT_ONCE;
}

/** Whether an array has neither gaps nor properties of its own, both of which a structured clone keeps. */
export function isDense(array: readonly unknown[]): boolean {
  let count = 0;
  for (const key in array) if (key !== String(count++)) return false;
  return count === array.length;
}

function plainCopy(value: object): unknown {
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || types.isProxy(value)) return AT_ONCE;
  const keys = Object.keys(value);
  if (keys.length > MAX_PARTS) return AT_ONCE;
  const copy: Record<string, unknown> = { ...value };
  for (const key of keys) if (!isPrimitive(copy[key])) return AT_ONCE;
  return copy;
}

/** Symbols are, too, but can't be sent. */
export function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol');
}
