import { checkBoolean, checkOptions, checkSignal } from '../check.js';
import { coreOf, type NodeCore, type Watcher } from './core.js';
import { InvalidTransitionError } from './errors.js';
import { Outbox } from './outbox.js';
import { Starter, type StartOptions } from './starter.js';
import { isOver } from './states.js';
import type { TaskNode } from './task-node.js';

export interface MakeOptions extends StartOptions {
  /** Whether to end after the first node that is not DONE; what has not begun then stays PENDING. Default false. */
  failFast?: boolean;
  /** Cancels what has been started, leaves the rest PENDING, and ends with the signal's reason. Default: none. */
  signal?: AbortSignal;
}

/** What a run knows of a node that was asked for, or that such a node requires. */
class Entry {
  readonly core: NodeCore;
  isRequested = false;
  /** It has been handed out. */
  isReported = false;
  /** It has been handed to the starter, and has not left PENDING since. */
  isStarting = false;
  isOver = false;
  /** How many of those it requires it waits for. */
  waitsFor = 0;
  /** Those that wait for this one. */
  waiters: Entry[] = [];

  constructor(core: NodeCore) {
    this.core = core;
  }
}

/**
 * Makes nodes, and first what they require.
 *
 * A node that has to wait waits for all that it requires and that is still to come, and is looked at again after the
 * last of them: what it then comes to depends on what they came to, never on their order. With failFast it can't wait so
 * long: the first that is not DONE takes along those on the way to a node that was asked for.
 *
 * Nodes are looked at one after another from a stack of their own, not in calls within calls: chains of nodes may be long.
 */
class Run implements Watcher {
  readonly outbox = new Outbox<TaskNode>();
  readonly #starter: Starter;
  readonly #failFast: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #entries = new Map<NodeCore, Entry>();
  /** To be looked at, the last one first. */
  readonly #stack: Entry[] = [];
  #isLooking = false;
  /** How many of the requested ones are still to be handed out. */
  #missing = 0;
  #isStopped = false;
  readonly #aborted = () => this.abort();

  /** Throws TypeError or RangeError. */
  constructor(options: MakeOptions) {
    checkOptions('options', options);
    const { failFast = false, signal } = options;
    this.#failFast = checkBoolean('failFast', failFast);
    this.#signal = signal === undefined ? undefined : checkSignal('signal', signal);
    this.#starter = new Starter(options);
  }

  begin(cores: readonly NodeCore[]): void {
    for (const { name, state } of cores) {
      if (state === 'PREPARE') throw new InvalidTransitionError(name, state, 'dispatch');
    }
    if (this.#signal?.aborted) throw this.#signal.reason;
    this.#signal?.addEventListener('abort', this.#aborted);
    for (const core of cores) {
      const entry = this.#entry(core);
      if (entry.isRequested) continue;
      entry.isRequested = true;
      this.#missing++;
    }
    for (const entry of [...this.#entries.values()].reverse()) this.#stack.push(entry);
    if (this.#missing === 0) this.stop();
    this.#look();
  }

  changed(core: NodeCore): void {
    const entry = this.#entries.get(core) as Entry;
    if (core.state !== 'PENDING' || core.unmet > 0) entry.isStarting = false;
    this.#stack.push(entry);
    this.#look();
  }

  /** Ends it: nothing more begins. */
  stop(): void {
    if (!this.#leave()) return;
    this.#starter.stop();
    this.outbox.end();
  }

  /** Ends it and what it has begun. */
  abort(): void {
    if (!this.#leave()) return;
    const { reason } = this.#signal as AbortSignal;
    this.#starter.cancel(reason);
    this.outbox.fail(reason);
  }

  #leave(): boolean {
    if (this.#isStopped) return false;
    this.#isStopped = true;
    this.#signal?.removeEventListener('abort', this.#aborted);
    for (const core of this.#entries.keys()) core.unwatch(this);
    return true;
  }

  #entry(core: NodeCore): Entry {
    let entry = this.#entries.get(core);
    if (entry === undefined) {
      entry = new Entry(core);
      this.#entries.set(core, entry);
      core.watch(this);
    }
    return entry;
  }

  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    for (let entry = this.#stack.pop(); entry !== undefined; entry = this.#stack.pop()) {
      if (this.#isStopped) this.#stack.length = 0;
      else this.#lookAt(entry);
    }
    this.#isLooking = false;
  }

  #lookAt(entry: Entry): void {
    const { core } = entry;
    if (entry.isOver) return;
    if (isOver(core.state)) this.#over(entry);
    else if (core.state === 'PENDING' && !entry.isStarting && entry.waitsFor === 0) this.#proceed(entry);
  }

  /** The next step of a PENDING node that waits for nothing. */
  #proceed(entry: Entry): void {
    const { core } = entry;
    if (core.unmet === 0) {
      entry.isStarting = true;
      this.#starter.start(core, () => entry.isStarting && !entry.isOver);
      return;
    }
    const blockers = core.blockers();
    const culprit =
      blockers.find(({ state }) => state === 'FAILED' || state === 'ABORTED') ??
      blockers.find(({ state }) => state === 'CANCELLED');
    const open = culprit === undefined ? blockers.filter(({ state }) => state !== 'PREPARE') : [];
    if (open.length === 0) core.refuse(coreOf(culprit ?? (blockers[0] as TaskNode)));
    else this.#await(entry, open);
  }

  #await(entry: Entry, nodes: readonly TaskNode[]): void {
    entry.waitsFor = nodes.length;
    for (const node of nodes.toReversed()) {
      const required = this.#entry(coreOf(node));
      // It may have been over, and have been retried since.
      if (required.isOver) required.core.watch(this);
      required.isOver = false;
      required.waiters.push(entry);
      this.#stack.push(required);
    }
  }

  #over(entry: Entry): void {
    const { core, waiters } = entry;
    entry.isOver = true;
    entry.waiters = [];
    core.unwatch(this);
    this.#starter.forget(core);
    if (entry.isRequested && !entry.isReported) {
      entry.isReported = true;
      this.#missing--;
      this.outbox.push(core.node);
    }
    if (this.#missing === 0 || (this.#failFast && core.state !== 'DONE' && entry.isReported)) {
      this.stop();
      return;
    }
    for (const waiter of waiters.toReversed()) if (--waiter.waitsFor === 0) this.#stack.push(waiter);
    if (!this.#failFast || core.state === 'DONE') return;
    // Goes on top of the stack: the way to a requested node comes before everything else.
    waiters.find((waiter) => waiter.core.state === 'PENDING')?.core.refuse(core);
  }
}

/** What `make` does. Throws TypeError or RangeError for its options at once, everything else when it is read. */
export function makeCores(cores: readonly NodeCore[], options: MakeOptions): AsyncGenerator<TaskNode, void, void> {
  return readRun(cores, new Run(options));
}

async function* readRun(cores: readonly NodeCore[], run: Run): AsyncGenerator<TaskNode, void, void> {
  try {
    run.begin(cores);
    yield* run.outbox;
  } finally {
    run.stop();
  }
}
