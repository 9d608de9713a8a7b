import type { CloneProbe } from './error-record.js';

/** Where in `value` the part is that `probe` refuses: a path such as `.rows[3].render`, or '' for the value itself. */
export function pathToUncloneable(value: unknown, probe: CloneProbe): string {
  const seen = new Set<unknown>();
  let path = '';
  let at = value;
  for (;;) {
    seen.add(at);
    const next = partsOf(at).find(([, part]) => !seen.has(part) && !clones(part, probe));
    if (next === undefined) return path;
    path += next[0];
    at = next[1];
  }
}

function clones(value: unknown, probe: CloneProbe): boolean {
  try {
    probe(value);
    return true;
  } catch {
    return false;
  }
}

function partsOf(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.map((part, i) => [`[${i}]`, part]);
  if (value instanceof Map) {
    return [...value].flatMap(([key, part]): [string, unknown][] => [
      [`.key(${String(key)})`, key],
      [`.get(${String(key)})`, part],
    ]);
  }
  if (value instanceof Set) return [...value].map((part, i) => [`.values()[${i}]`, part]);
  return Object.entries(value).map(([key, part]) => [
    /^[\w$]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`,
    part,
  ]);
}
