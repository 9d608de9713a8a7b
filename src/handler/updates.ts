import type { AnyFunction, TaskRef } from '../tasks/task-module.js';

/** A call that is run on every worker before its first task. */
export interface KeptUpdate {
  readonly fn: AnyFunction | TaskRef;
  readonly args: unknown[];
  /** Whether only workers that serve `series` get it. */
  readonly isForSeries: boolean;
  readonly series: unknown;
  readonly key: unknown;
  /** For workers that keep it themselves: the same for equal keys, and another one for each update without. */
  readonly name: string;
}

const names = new WeakMap<WeakKey, string>();

/** The global loads Node's cryptography when it is first asked for something; importing that would slow every start. */
const newName = () => crypto.randomUUID();

/** The name of an update with this key. */
export function updateName(key: unknown): string {
  switch (typeof key) {
    case 'undefined':
      return newName();
    case 'symbol': {
      const shared = Symbol.keyFor(key);
      return shared === undefined ? nameOf(key) : `symbol ${shared}`;
    }
    case 'object':
    case 'function':
      return key === null ? 'null' : nameOf(key);
    default:
      return `${typeof key} ${key}`;
  }
}

function nameOf(key: WeakKey): string {
  let name = names.get(key);
  if (name === undefined) {
    name = newName();
    names.set(key, name);
  }
  return name;
}

/** The updates to be run on workers to come, in order. */
export class Updates {
  #kept: KeptUpdate[] = [];

  /** Keeps an update, which is yet to run on the workers there are. */
  keep(update: KeptUpdate): void {
    this.#kept.push(update);
  }

  /** It has run on all of them: those before it with the same key are forgotten. */
  confirm(update: KeptUpdate): void {
    if (update.key === undefined) return;
    const index = this.#kept.indexOf(update);
    this.#kept = this.#kept.filter(({ key }, i) => i >= index || key !== update.key);
  }

  forget(update: KeptUpdate): void {
    this.#kept = this.#kept.filter((kept) => kept !== update);
  }

  /** The first one for a worker with this qualification that it has not had. */
  next(qualification: ReadonlySet<unknown> | null, hasHad: (update: KeptUpdate) => boolean): KeptUpdate | undefined {
    return this.#kept.find((update) => {
      const isMeant = !update.isForSeries || qualification === null || qualification.has(update.series);
      return isMeant && !hasHad(update);
    });
  }
}
