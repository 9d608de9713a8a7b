import { decode } from '../codec.js';
import { isAfter, type KeptUpdate, readUpdates } from '../kept-updates.js';
import type { Member } from '../member.js';
import type { Modules } from './modules.js';
import type { ServerQueue } from './server-queue.js';

/** How many outcomes are remembered, for callers that ask late. */
const REMEMBERED = 1000;

type Outcome = { readonly value: unknown } | { readonly reason: unknown };

/** Runs the kept updates on a server, each once and in order. */
export class ServerUpdates {
  readonly #member: Member;
  readonly #queue: ServerQueue;
  readonly #modules: Modules;
  /** The last entry that was run. */
  #last = '';
  #running: Promise<void> = Promise.resolve();
  readonly #outcomes = new Map<string, Outcome>();

  constructor(member: Member, queue: ServerQueue, modules: Modules) {
    this.#member = member;
    this.#queue = queue;
    this.#modules = modules;
  }

  /** Whether an entry, and all before it, have been run, as far as they are kept. */
  has(entry: string): boolean {
    return !isAfter(entry, this.#last) || this.#outcomes.has(entry);
  }

  /** Runs all there are, or all up to an entry. */
  async catchUp(entry?: string): Promise<void> {
    if (entry !== undefined && this.has(entry)) return;
    const before = this.#running;
    this.#running = before.catch(() => {}).then(() => this.#catchUp(entry));
    await this.#running;
  }

  /** What an entry has come to: its value, or throws its error. */
  outcome(entry: string): unknown {
    const outcome = this.#outcomes.get(entry);
    if (outcome === undefined) return undefined;
    if ('reason' in outcome) throw outcome.reason;
    return outcome.value;
  }

  /** The errors of updates that are still kept. */
  get errors(): unknown[] {
    return [...this.#outcomes.values()].flatMap((outcome) => ('reason' in outcome ? [outcome.reason] : []));
  }

  async #catchUp(entry: string | undefined): Promise<void> {
    if (entry !== undefined && this.has(entry)) return;
    const { client, keys } = this.#member;
    for (const [id, update] of await readUpdates(client, keys, this.#last)) {
      this.#remember(id, await this.#run(update));
      this.#last = id;
    }
    // It may have been replaced or dropped meanwhile. Nobody says that there are none before it, so `#last` stays.
    if (entry !== undefined && isAfter(entry, this.#last)) this.#remember(entry, { value: undefined });
  }

  #remember(entry: string, outcome: Outcome): void {
    this.#outcomes.set(entry, outcome);
    for (const known of this.#outcomes.keys()) {
      if (this.#outcomes.size <= REMEMBERED) break;
      this.#outcomes.delete(known);
    }
  }

  async #run({ key, module, name, payload }: KeptUpdate): Promise<Outcome> {
    try {
      const args = decode(payload) as unknown[];
      const [value] = await this.#queue.update(this.#modules.ref(module, name), args, { key });
      return { value };
    } catch (error) {
      return { reason: causeOf(error) };
    }
  }
}

/** What an update threw, of the error that gathers those of all workers. */
export function causeOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}
