/**
 * Which kinds of worker may run a task. There are few of them, each exists once, and `id` numbers them from 0, so
 * that waiting tasks can be kept apart by what accepts them.
 */
export interface Acceptance {
  readonly id: number;
  readonly label: string;
  accepts(kind: string): boolean;
}

const known = new Map<string, Acceptance>();

function define(label: string, accepts: (kind: string) => boolean): Acceptance {
  let acceptance = known.get(label);
  if (acceptance === undefined) {
    acceptance = { id: known.size, label, accepts };
    known.set(label, acceptance);
  }
  return acceptance;
}

/** Every kind of worker. */
export const ANY = define('any', () => true);

/** Every kind but `'remote'`. */
export const LOCAL = define('local', (kind) => kind !== 'remote');

/** One kind. */
export function only(kind: string): Acceptance {
  return define(`only ${kind}`, (other) => other === kind);
}

/** Only the main thread. */
export const MAIN = only('async');

/**
 * What a task asks for: a fixed acceptance, or `'closure'`. A closure runs in the main thread while its series has a
 * worker there, and goes by source to a thread or process otherwise, so what accepts it changes with the roster.
 */
export type Requirement = Acceptance | 'closure';
