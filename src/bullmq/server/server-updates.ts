import { messageOf, WorkerStartError } from '../../errors.js';
import type { Logger } from '../../queue/options.js';
import { until } from '../../tools/until.js';
import { decode } from '../codec.js';
import { dropUpdate, isAfter, type KeptUpdate, readUpdates } from '../kept-updates.js';
import type { Member } from '../member.js';
import type { Modules } from './modules.js';
import type { Given, ServerQueue } from './server-queue.js';

/** How many outcomes are remembered, for callers that ask late. */
const REMEMBERED = 1000;

/** How often it is looked whether an update is still kept, in milliseconds. */
const LOOKS = 10;

type Outcome = Given | { readonly reason: unknown };

/**
 * Runs the kept updates on a server, each once and in order. One that fails on a server that has started is dropped, as
 * nobody else may be left to do that: its caller may have died.
 */
export class ServerUpdates {
  readonly #member: Member;
  readonly #queue: ServerQueue;
  readonly #modules: Modules;
  /** The last entry that was run. */
  #last = '';
  /** The run that goes on. Never rejects. */
  #running: Promise<unknown> = Promise.resolve();
  readonly #outcomes = new Map<string, Outcome>();
  readonly #logger: Logger | undefined;
  #hasStarted = false;
  /** The errors of those that failed before it had started, by entry. */
  readonly #failures = new Map<string, WorkerStartError>();

  constructor(member: Member, queue: ServerQueue, modules: Modules, logger: Logger | undefined) {
    this.#member = member;
    this.#queue = queue;
    this.#modules = modules;
    this.#logger = logger;
  }

  /**
   * Runs all there are. Throws a WorkerStartError if one fails that is good elsewhere, where it would have been dropped
   * within `grace` milliseconds, and what Redis says if it refuses to tell them.
   */
  async start(grace: number): Promise<void> {
    await this.#catchUp(undefined);
    for (const [entry, error] of this.#failures) {
      const isDropped = await until(async () => !(await this.#isKept(entry)), { interval: LOOKS, timeout: grace });
      if (!isDropped) throw error;
      this.#logger?.warn('A kept update failed while the server started, and was dropped', error);
    }
    this.#hasStarted = true;
  }

  /** Whether an entry, and all before it, have been run, as far as they are kept. */
  has(entry: string): boolean {
    return !isAfter(entry, this.#last) || this.#outcomes.has(entry);
  }

  /**
   * Runs all there are, or all up to an entry, as soon as Redis tells them: nothing is to run without them. Resolves with
   * whether it did: false if this one leaves before.
   */
  async catchUp(entry?: string): Promise<boolean> {
    return (await this.#member.insist(() => this.#catchUp(entry))) ?? false;
  }

  /** What an entry has come to: its value, or throws its error. */
  outcome(entry: string): unknown {
    const outcome = this.#outcomes.get(entry);
    if (outcome === undefined) return undefined;
    if ('reason' in outcome) throw outcome.reason;
    return outcome.value;
  }

  async #catchUp(entry: string | undefined): Promise<boolean> {
    if (entry !== undefined && this.has(entry)) return true;
    const run = this.#running.then(() => this.#runAll(entry));
    this.#running = run.catch(() => {});
    return await run;
  }

  async #runAll(entry: string | undefined): Promise<boolean> {
    if (entry !== undefined && this.has(entry)) return true;
    const { client, keys } = this.#member;
    for (const [id, update] of await readUpdates(client, keys, this.#last)) {
      const outcome = await this.#run(id, update);
      if (outcome === null) return false;
      this.#remember(id, outcome);
      this.#last = id;
    }
    // It may have been replaced or dropped meanwhile. Nobody says that there are none before it, so `#last` stays.
    if (entry !== undefined && isAfter(entry, this.#last)) this.#remember(entry, { value: undefined });
    return true;
  }

  #remember(entry: string, outcome: Outcome): void {
    this.#outcomes.set(entry, outcome);
    for (const known of this.#outcomes.keys()) {
      if (this.#outcomes.size <= REMEMBERED) break;
      this.#outcomes.delete(known);
    }
  }

  async #isKept(entry: string): Promise<boolean> {
    const { client, keys } = this.#member;
    return (await client.xrange(keys.updates, entry, entry)).length > 0;
  }

  async #run(entry: string, update: KeptUpdate): Promise<Outcome | null> {
    const { key, module, name, payload } = update;
    try {
      const args = decode(payload) as unknown[];
      return await this.#queue.updateAll(this.#modules.ref(module, name), args, { key });
    } catch (reason) {
      this.#failed(entry, update, reason);
      return { reason };
    }
  }

  #failed(entry: string, { key, module, name }: KeptUpdate, cause: unknown): void {
    const what = `The kept update \`${name}\` of module \`${module}\` (key \`${key}\`) failed: ${messageOf(cause)}`;
    if (!this.#hasStarted) {
      this.#failures.set(entry, new WorkerStartError(`${what}; \`obliterate\` removes it`, { cause }));
      return;
    }
    this.#logger?.error(`${what}; it is kept no longer`, cause);
    const { client, keys } = this.#member;
    void this.#member.insist(() => dropUpdate(client, keys, entry));
  }
}
