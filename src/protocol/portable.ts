import { Script } from 'node:vm';
import { NotPortableError } from '../errors.js';
import type { AnyFunction } from '../tasks/task-module.js';

const sources = new WeakMap<AnyFunction, string>();
const checked = new Map<string, string>();
const CHECKED = 1000;

/**
 * An expression that makes the function anew from its source. Throws NotPortableError for a function that has no
 * usable source. What it uses from outside is missed only where it runs.
 */
export function sourceOf(fn: AnyFunction): string {
  let source = sources.get(fn);
  if (source === undefined) {
    const text = Function.prototype.toString.call(fn);
    source = checked.get(text);
    if (source === undefined) {
      source = expressionOf(fn, text);
      // Closures made in a loop share their text; texts made at run time must not pile up.
      if (checked.size >= CHECKED) checked.clear();
      checked.set(text, source);
    }
    sources.set(fn, source);
  }
  return source;
}

function expressionOf(fn: AnyFunction, text: string): string {
  const name = fn.name === '' ? 'The function' : `The function \`${fn.name}\``;
  const refuse = (why: string) =>
    new NotPortableError(
      `${name} ${why}, so it can't be sent to a worker by its source: wrap it in a self-contained function, or use a task module`,
    );
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) throw refuse('is native or bound and has no source');
  if (/^class\b/.test(text)) throw refuse('is a class');
  if (parses(`(${text})`)) return `(${text})`;
  // What is left has the form of a method: `name() {}`, `async name() {}`, `get name() {}`...
  const descriptor = parses(`({${text}})`) && !/^(?:get|set|static)\s+[\w$#[]/.test(text);
  if (!descriptor) throw refuse('has a form that makes sense only where it was written');
  if (/\b(?:this|super)\b/.test(text)) throw refuse('is a method that needs `this`');
  return `Object.values({${text}})[0]`;
}

function parses(expression: string): boolean {
  try {
    new Script(expression);
    return true;
  } catch {
    return false;
  }
}

/** Keys of series may be anything; what is no plain data means nothing on the other side. */
export function portableSeries(series: unknown): unknown {
  return typeof series === 'object' || typeof series === 'function' || typeof series === 'symbol' ? undefined : series;
}
