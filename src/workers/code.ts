import { MeanTime } from '../mean-time.js';
import { sourceOf } from '../protocol/portable.js';
import { type AnyFunction, isTaskRef, type TaskRef } from '../tasks/task-module.js';

/**
 * A function as it is known to every thread and process: by a number, and by how to get it. Functions of the same
 * source, and references to the same export, are one code.
 */
export class Code {
  readonly number: number;
  /** The source text, or null for a reference. */
  readonly source: string | null;
  readonly ref: TaskRef | null;
  readonly meanTime = new MeanTime();

  static #count = 0;

  constructor(source: string | null, ref: TaskRef | null) {
    this.number = Code.#count++;
    this.source = source;
    this.ref = ref;
  }
}

/** How many functions are known by their text before all are forgotten: texts made at run time must not pile up. */
const KNOWN = 10_000;

const byFunction = new WeakMap<AnyFunction | TaskRef, Code>();
const byText = new Map<string, Code>();

/** The code of a function or reference. Throws NotPortableError for a function that can't be sent by source. */
export function codeOf(fn: AnyFunction | TaskRef): Code {
  let code = byFunction.get(fn);
  if (code === undefined) {
    const isRef = isTaskRef(fn);
    const text = isRef ? `${fn.url}\n${fn.name}` : sourceOf(fn);
    code = byText.get(text);
    if (code === undefined) {
      code = isRef ? new Code(null, { url: fn.url, name: fn.name }) : new Code(text, null);
      if (byText.size >= KNOWN) byText.clear();
      byText.set(text, code);
    }
    byFunction.set(fn, code);
  }
  return code;
}
