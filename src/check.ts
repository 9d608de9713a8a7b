import { inspect } from 'node:util';

/** Checks of options. Each error names the option, the value and what is allowed. */

function show(value: unknown): string {
  return `\`${inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY })}\` (${typeof value})`;
}

function expected(name: string, allowed: string, value: unknown): string {
  return `Expected \`${name}\` to be ${allowed}, got ${show(value)}`;
}

/** The TypeError of an option with a value of the wrong kind. */
export function wrongType(name: string, allowed: string, value: unknown): TypeError {
  return new TypeError(expected(name, allowed, value));
}

/** The RangeError of an option with a value of the right kind but out of range. */
export function outOfRange(name: string, allowed: string, value: unknown): RangeError {
  return new RangeError(expected(name, allowed, value));
}

export function checkInteger(name: string, value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): number {
  return checkWithin(name, value, min, max, integers(min, max));
}

/** A count that may also be Infinity. */
export function checkCount(name: string, value: unknown, min = 1): number {
  if (value === Number.POSITIVE_INFINITY) return value;
  const max = Number.MAX_SAFE_INTEGER;
  return checkWithin(name, value, min, max, `${integers(min, max)}, or Infinity`);
}

function integers(min: number, max: number): string {
  return `an integer from ${min} ${max === Number.MAX_SAFE_INTEGER ? 'up' : `to ${max}`}`;
}

function checkWithin(name: string, value: unknown, min: number, max: number, allowed: string): number {
  if (typeof value !== 'number') throw wrongType(name, allowed, value);
  if (!Number.isInteger(value) || value < min || value > max) throw outOfRange(name, allowed, value);
  return value;
}

/** A number of milliseconds that a timer can wait; 0, and Infinity for no timer, only if they are allowed. */
export function checkDuration(name: string, value: unknown, { zero = false, infinity = false } = {}): number {
  if (infinity && value === Number.POSITIVE_INFINITY) return value;
  const range = `${zero ? 'from 0' : 'more than 0'} to ${MAX_DURATION}`;
  const allowed = `a number of milliseconds, ${range}${infinity ? ', or Infinity' : ''}`;
  if (typeof value !== 'number') throw wrongType(name, allowed, value);
  if (!(zero ? value >= 0 : value > 0) || value > MAX_DURATION) throw outOfRange(name, allowed, value);
  return value;
}

/** What Node's timers can wait at the longest, in milliseconds. */
export const MAX_DURATION = 2 ** 31 - 1;

export function checkNumber(name: string, value: unknown, min: number, max: number): number {
  const allowed = `a number from ${min} to ${max}`;
  if (typeof value !== 'number') throw wrongType(name, allowed, value);
  if (!(value >= min && value <= max)) throw outOfRange(name, allowed, value);
  return value;
}

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value);
  return value;
}

export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value);
}

export function checkString(name: string, value: unknown): string {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
  return value;
}

export function checkOneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const list = allowed.map((one) => `'${one}'`).join(', ');
  if (typeof value !== 'string') throw wrongType(name, `one of ${list}`, value);
  if (!allowed.includes(value as T)) throw outOfRange(name, `one of ${list}`, value);
  return value as T;
}

/** An object of options; whatever else was passed in its place is refused. */
export function checkOptions(name: string, value: unknown, allowed = 'an object'): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(name, allowed, value);
}

export function checkSignal(name: string, value: unknown): AbortSignal {
  if (!(value instanceof AbortSignal)) throw wrongType(name, 'an AbortSignal', value);
  return value;
}
