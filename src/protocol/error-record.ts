import { errorClasses, isNiceqError, type NiceqErrorCode } from '../errors.js';

/**
 * An error on its way between threads or processes. Structured clone alone keeps only the message, the stack and a
 * built-in name; this keeps the class as far as the other side has it, and everything else whole.
 */
export type ErrorRecord =
  | { readonly type: 'value'; readonly value: unknown }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'seen'; readonly index: number }
  | {
      readonly type: 'error';
      /** The nearest class that both sides have. */
      readonly base: string;
      readonly name: string;
      readonly message: string;
      readonly stack: string | undefined;
      readonly code: number | string | undefined;
      readonly cause: ErrorRecord | undefined;
      readonly errors: readonly ErrorRecord[] | undefined;
      readonly properties: readonly (readonly [name: string, value: ErrorRecord])[];
    };

/** Whether a value, which may be anything, begins as a record does: `seen` stands only within another one. */
export function isErrorRecord(value: unknown): value is ErrorRecord {
  const type = typeof value === 'object' && value !== null ? (value as { type?: unknown }).type : undefined;
  return type === 'error' || type === 'value' || type === 'text';
}

const builtIns: Record<string, { prototype: Error }> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
};

/** Properties that have a field of the record. */
const OWN = new Set(['name', 'message', 'stack', 'cause']);

/** Copies a value as the channel does, or throws if the channel can't carry it. */
export type CloneProbe = (value: unknown) => unknown;

/** Errors that lead to errors are followed so far: each side has a stack of its own to do it on. */
const DEPTH = 100;

const REST = `An error is sent with ${DEPTH} levels of causes and inner errors: the rest was left out`;

/** Makes a record that can always be sent: what `probe` refuses is left out, or replaced by its text. */
export function encodeError(error: unknown, probe: CloneProbe = structuredClone): ErrorRecord {
  return new Recorder(probe, true).record(error, 0);
}

/** The record of an error as structured clone knows it: its class, message, stack and causes. */
export function outlineError(error: Error): ErrorRecord {
  return new Recorder(refuse, false).record(error, 0);
}

const refuse: CloneProbe = () => {
  throw new TypeError('an outline has room for errors only');
};

/** Makes the record of one error, and of those it leads to: each of them once. */
class Recorder {
  readonly #probe: CloneProbe;
  readonly #isWhole: boolean;
  /** The index of each error, in the order in which they are decoded. */
  readonly #seen = new Map<unknown, number>();

  /** Unless `isWhole`, inner errors and properties are left out. */
  constructor(probe: CloneProbe, isWhole: boolean) {
    this.#probe = probe;
    this.#isWhole = isWhole;
  }

  record(value: unknown, depth: number): ErrorRecord {
    if (!isError(value)) return this.#value(value) ?? { type: 'text', text: textOf(value) };
    const index = this.#seen.get(value);
    if (index !== undefined) return { type: 'seen', index };
    if (depth === DEPTH) return { type: 'text', text: REST };
    this.#seen.set(value, this.#seen.size);
    const next = depth + 1;
    return {
      type: 'error',
      base: baseOf(value),
      name: textOf(read(value, 'name') ?? 'Error'),
      message: textOf(read(value, 'message') ?? ''),
      stack: stackOf(value),
      code: value instanceof DOMException ? value.code : isNiceqError(value) ? value.code : undefined,
      cause: attempt(() => 'cause' in value, false) ? this.record(read(value, 'cause'), next) : undefined,
      errors: this.#isWhole ? errorsOf(value)?.map((inner) => this.record(inner, next)) : undefined,
      properties: this.#isWhole ? this.#properties(value, next) : [],
    };
  }

  #properties(error: Error, depth: number): [string, ErrorRecord][] {
    const properties: [string, ErrorRecord][] = [];
    for (const name of attempt(() => Object.keys(error), [])) {
      if (OWN.has(name)) continue;
      const value = read(error, name);
      if (name === 'errors' && Array.isArray(value)) continue;
      const record = isError(value) ? this.record(value, depth) : this.#value(value);
      if (record !== null) properties.push([name, record]);
    }
    return properties;
  }

  /** Null for what the channel can't carry. What it can is copied: the record is not to change any more. */
  #value(value: unknown): ErrorRecord | null {
    if (typeof value === 'function' || typeof value === 'symbol') return null;
    if (typeof value !== 'object' || value === null) return { type: 'value', value };
    return attempt(() => ({ type: 'value', value: this.#probe(value) }), null);
  }
}

/** Makes the error again. Classes that only the other side has become their nearest built-in ancestor. */
export function decodeError(record: ErrorRecord): unknown {
  return decode(record, []);
}

function decode(record: ErrorRecord, seen: unknown[]): unknown {
  if (record.type === 'value') return record.value;
  if (record.type === 'text') return new Error(record.text);
  if (record.type === 'seen') return seen[record.index];
  const error = create(record);
  seen.push(error);
  const define = (name: string, value: unknown, enumerable: boolean) =>
    Object.defineProperty(error, name, { value, enumerable, configurable: true, writable: true });
  if (record.stack !== undefined) define('stack', record.stack, false);
  if (record.base !== 'DOMException') {
    if (error.message !== record.message) define('message', record.message, false);
    if (error.name !== record.name) define('name', record.name, false);
  }
  if (record.cause !== undefined) define('cause', decode(record.cause, seen), false);
  if (record.errors !== undefined) {
    define(
      'errors',
      record.errors.map((inner) => decode(inner, seen)),
      false,
    );
  }
  for (const [name, value] of record.properties) define(name, decode(value, seen), true);
  return error;
}

function create({ base, name, message, code }: Extract<ErrorRecord, { type: 'error' }>): Error {
  if (base === 'DOMException') return new DOMException(message, name);
  const error = new Error(message);
  // Names of their own only: `constructor` and its like come from whoever made the record, too.
  const family =
    typeof code === 'string' && Object.hasOwn(errorClasses, code) ? errorClasses[code as NiceqErrorCode] : undefined;
  const builtIn = Object.hasOwn(builtIns, base) ? builtIns[base] : undefined;
  const prototype = family?.prototype ?? builtIn?.prototype;
  if (prototype !== undefined) Object.setPrototypeOf(error, prototype);
  return error;
}

function isError(value: unknown): value is Error {
  // Errors of another realm (a vm context, say) are no instances of this one's Error.
  return attempt(() => value instanceof Error || Object.prototype.toString.call(value) === '[object Error]', false);
}

function baseOf(error: Error): string {
  if (error instanceof DOMException) return 'DOMException';
  const above = (object: unknown): unknown => attempt(() => Object.getPrototypeOf(object), null);
  for (let at = above(error); at !== null; at = above(at)) {
    const name = read(read(at as object, 'constructor'), 'name');
    if (typeof name === 'string' && builtIns[name]?.prototype === at) return name;
  }
  return 'Error';
}

function stackOf(error: Error): string | undefined {
  const stack = read(error, 'stack');
  return typeof stack === 'string' ? stack : undefined;
}

function errorsOf(error: Error): readonly unknown[] | undefined {
  const errors = read(error, 'errors');
  return Array.isArray(errors) ? errors : undefined;
}

function read(object: unknown, name: string): unknown {
  return attempt(() => (object as Record<string, unknown>)[name], undefined);
}

/** Getters and proxies that were thrown may throw in turn; then there is nothing to read. */
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

function textOf(value: unknown): string {
  return attempt(() => String(value), 'a value that can neither be copied nor converted to a string');
}
