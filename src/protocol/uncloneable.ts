import { messageOf, NotPortableError } from '../errors.js';
import type { CloneProbe } from './error-record.js';

/** How deep the way is followed: each step tries to copy all that is below. */
const DEPTH = 64;

/** The error of arguments that `probe` refuses: says which one, and where in it. */
export function refusedArgument(args: unknown[], probe: CloneProbe, cause: unknown): NotPortableError {
  const path = pathToUncloneable(args, probe);
  const index = /^\[(\d+)\]/.exec(path);
  const which =
    index === null
      ? 'An argument'
      : `Argument ${index[1]}${path === index[0] ? '' : ` at \`${path.slice(index[0].length)}\``}`;
  return new NotPortableError(`${which} can't be sent to the worker: ${messageOf(cause)}`, { cause });
}

/** The error of a result or item that `probe` refuses: says where in it. */
export function refusedResult(what: string, value: unknown, probe: CloneProbe, cause: unknown): NotPortableError {
  const path = pathToUncloneable(value, probe);
  const where = path === '' ? '' : ` at \`${path}\``;
  return new NotPortableError(`${what}${where} can't be sent from the worker: ${messageOf(cause)}`, { cause });
}

/** Where in `value` the part is that `probe` refuses: a path such as `.rows[3].render`, or '' for the value itself. */
export function pathToUncloneable(value: unknown, probe: CloneProbe): string {
  const seen = new Set<unknown>();
  let path = '';
  let at = value;
  for (let depth = 0; depth < DEPTH; depth++) {
    seen.add(at);
    const next = partsOf(at).find(([, part]) => part === UNREADABLE || (!seen.has(part) && !clones(part, probe)));
    if (next === undefined) return path;
    path += next[0];
    at = next[1];
  }
  return `${path}...`;
}

function clones(value: unknown, probe: CloneProbe): boolean {
  try {
    probe(value);
    return true;
  } catch {
    return false;
  }
}

/** What stands for a part whose getter throws, and that can't be copied either. */
const UNREADABLE = Symbol('unreadable');

function partsOf(value: unknown): [string, unknown][] {
  try {
    return readableParts(value);
  } catch {
    // A proxy that throws: there is no way into it.
    return [];
  }
}

function readableParts(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.map((part, i) => [`[${i}]`, part]);
  if (value instanceof Map) {
    return [...value].flatMap(([key, part]): [string, unknown][] => [
      [`.key(${String(key)})`, key],
      [`.get(${String(key)})`, part],
    ]);
  }
  if (value instanceof Set) return [...value].map((part, i) => [`.values()[${i}]`, part]);
  return Object.keys(value).map((key) => [
    /^[\w$]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`,
    read(value as Record<string, unknown>, key),
  ]);
}

function read(object: Record<string, unknown>, key: string): unknown {
  try {
    return object[key];
  } catch {
    return UNREADABLE;
  }
}
