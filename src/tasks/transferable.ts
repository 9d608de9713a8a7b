import type { Transferable } from 'node:worker_threads';

export type { Transferable } from 'node:worker_threads';

/** Registered, as a task module may have loaded another copy of the package. */
const LIST = Symbol.for('niceq.transferList');

const VALUE = Symbol.for('niceq.transferredValue');

interface Marked {
  readonly [LIST]: readonly Transferable[];
  readonly [VALUE]: unknown;
  /** Throws: who copies it has found it where nobody looks for it. */
  readonly transferable: never;
}

/**
 * Marks a task's result (or an item of its iterator) to be handed over to the caller instead of copied: what is in
 * `list` moves and can no longer be used in the thread. Processes and other machines copy all the same; in the main
 * thread the caller gets the object itself.
 *
 * Only the result as a whole can be marked, `list` naming whatever is in it. With a mark inside the call rejects with
 * NotPortableError, unless it ran in the main thread, where nobody looks into results.
 *
 * @throws TypeError if `list` is no array.
 *
 * @example
 * ```ts
 * export function render(row: number) {
 *   const pixels = new Uint8Array(4096);
 *   // ...
 *   return transferable(pixels, [pixels.buffer]);
 * }
 * ```
 */
export function transferable<T>(value: T, list: readonly Transferable[]): T {
  if (!Array.isArray(list))
    throw new TypeError(`Expected \`list\` to be an array of transferable objects, got ${typeof list}`);
  const marked: Marked = {
    [LIST]: list,
    [VALUE]: value,
    get transferable(): never {
      throw new TypeError(
        '`transferable` marks a whole result: return `transferable(result, list)`, and no mark in it',
      );
    },
  };
  // The marker never reaches the caller, who gets a T; only the worker's own code sees it.
  return marked as T;
}

/** The value a task meant, marked or not. */
export function unwrap(result: unknown): unknown {
  return isMarked(result) ? result[VALUE] : result;
}

/** What is to be handed over with a result; null when nothing is. */
export function transferListOf(result: unknown): readonly Transferable[] | null {
  return isMarked(result) ? result[LIST] : null;
}

function isMarked(result: unknown): result is Marked {
  return typeof result === 'object' && result !== null && LIST in result;
}
