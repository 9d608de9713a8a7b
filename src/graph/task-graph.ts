import { checkBoolean, checkOptions, checkSignal } from '../check.js';
import { type Turn, TurnHeap } from '../scheduling/turn-heap.js';
import { coreOf, type NodeCore, type Watcher } from './core.js';
import { Starter, type StartOptions } from './starter.js';
import { isOver } from './states.js';
import { checkNode, checkNodes, type TaskNode } from './task-node.js';

export interface TaskGraphOptions extends StartOptions {
  /** Whether the dependents of a node that is DONE are added, and run as well. Default false. */
  runDependents?: boolean;
}

export interface RunOptions {
  /** Cancels what the run has started, and ends it with the signal's reason. Default: none. */
  signal?: AbortSignal;
  /** Whether to run and yield a single node. Default false. */
  once?: boolean;
}

/** A node of a graph. As a turn it goes by the order in which the nodes were added. */
class Entry implements Turn {
  readonly core: NodeCore;
  readonly time = 0;
  readonly order: number;
  index = -1;
  /** The heap that it is in. */
  heap: TurnHeap<Entry> | null = null;
  /** Who has taken it; its state has not changed since. */
  takenBy: 'caller' | Starter | null = null;
  isBusy = false;

  constructor(core: NodeCore, order: number) {
    this.core = core;
    this.order = order;
  }
}

/**
 * Hears of a graph's nodes, and keeps those that can be given away at hand.
 *
 * Invariants: what nobody has taken is in `over` or `ready` if its state says so, and what somebody has taken in neither;
 * `busy` is the number of entries that will be heard of again: running, queued, or in the hands of a starter.
 */
class Stock implements Watcher {
  readonly entries = new Map<NodeCore, Entry>();
  readonly over = new TurnHeap<Entry>();
  readonly ready = new TurnHeap<Entry>();
  busy = 0;
  #wakers: (() => void)[] = [];

  add(core: NodeCore): void {
    if (this.entries.has(core)) return;
    const entry = new Entry(core, this.entries.size);
    this.entries.set(core, entry);
    core.watch(this);
    this.#place(entry);
  }

  changed(core: NodeCore): void {
    this.release(this.entries.get(core) as Entry);
  }

  /** Takes the first of a heap; null when there is none. */
  take(heap: TurnHeap<Entry>, by: 'caller' | Starter): Entry | null {
    const entry = heap.top ?? null;
    if (entry !== null) {
      entry.takenBy = by;
      this.#place(entry);
    }
    return entry;
  }

  release(entry: Entry): void {
    entry.takenBy = null;
    this.#place(entry);
    this.wake();
  }

  /** Resolves with the next change, or `wake()`. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakers.push(resolve);
    });
  }

  wake(): void {
    for (const resolve of this.#wakers.splice(0)) resolve();
  }

  #place(entry: Entry): void {
    const heap = this.#heapFor(entry);
    if (heap !== entry.heap) {
      entry.heap?.remove(entry);
      heap?.push(entry);
      entry.heap = heap;
    }
    const { state } = entry.core;
    const isBusy =
      state === 'QUEUED' || state === 'RUNNING' || (state === 'PENDING' && entry.takenBy instanceof Starter);
    if (isBusy !== entry.isBusy) this.busy += isBusy ? 1 : -1;
    entry.isBusy = isBusy;
  }

  #heapFor({ takenBy, core: { state, unmet } }: Entry): TurnHeap<Entry> | null {
    if (takenBy !== null) return null;
    if (isOver(state)) return this.over;
    return state === 'PENDING' && unmet === 0 ? this.ready : null;
  }
}

/**
 * A set of nodes to be run as far as they can be. Unlike `make` it runs only what it was given: a node that requires
 * one outside waits for somebody else to run that, and a node that fails stops those after it without touching them.
 *
 * @example
 * ```ts
 * const graph = new TaskGraph([compile, link], { queue });
 * for await (const node of graph.run()) console.log(node.name, node.state);
 * for (const node of graph.blocked) console.log(`${node.name} could not run`, node.blockers());
 * ```
 */
export class TaskGraph<N extends TaskNode = TaskNode> {
  readonly #stock = new Stock();
  readonly #options: StartOptions;
  readonly #runDependents: boolean;

  /** @throws TypeError or RangeError for an invalid option. */
  constructor(nodes: Iterable<N> = [], options: TaskGraphOptions = {}) {
    checkOptions('options', options);
    const { runDependents = false } = options;
    this.#runDependents = checkBoolean('runDependents', runDependents);
    this.#options = options;
    new Starter(options);
    for (const node of checkNodes(nodes)) this.add(node);
  }

  /** Adds nodes, also to a run that is under way. One that is there already stays where it is. */
  add(...nodes: readonly N[]): this {
    for (const node of nodes) this.#stock.add(coreOf(checkNode('node', node)));
    return this;
  }

  /** Its nodes, in the order they were added. */
  get nodes(): N[] {
    return [...this.#stock.entries.keys()].map(({ node }) => node as N);
  }

  /**
   * Gives the next node to deal with: one that is over, else one that can be dispatched, else null. Of several it gives
   * the one added first, and each again only when its state has changed.
   */
  next(): N | null {
    const stock = this.#stock;
    const entry = stock.take(stock.over, 'caller') ?? stock.take(stock.ready, 'caller');
    return entry === null ? null : this.#given(entry);
  }

  /** The nodes that can't run as things are: what they require is not DONE, or they are PREPARE. */
  get blocked(): N[] {
    return this.nodes.filter(({ state, isBlocked }) => state === 'PREPARE' || (state === 'PENDING' && isBlocked));
  }

  /**
   * Runs what can run, independent nodes at the same time, and yields each node when it is over, first those that
   * already are. Ends when nothing more can run; `blocked` has the leftovers. After repairing and `retry()` it can be
   * run again. Leaving the loop starts nothing more.
   *
   * @throws the reason of `signal` when that aborts; TypeError, from the call itself, for an invalid option.
   */
  run(options: RunOptions = {}): AsyncGenerator<N, void, void> {
    checkOptions('options', options);
    const { once = false, signal } = options;
    checkBoolean('once', once);
    if (signal !== undefined) checkSignal('signal', signal);
    return this.#run(once, signal);
  }

  async *#run(once: boolean, signal: AbortSignal | undefined): AsyncGenerator<N, void, void> {
    const starter = new Starter(this.#options);
    const abort = () => {
      starter.cancel(signal?.reason);
      this.#stock.wake();
    };
    signal?.addEventListener('abort', abort);
    const started = new Set<Entry>();
    try {
      for await (const entry of this.#over(starter, started, once ? 1 : Number.POSITIVE_INFINITY, signal)) {
        yield this.#given(entry);
        if (once) return;
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      starter.stop();
      for (const entry of started) if (entry.takenBy === starter) this.#stock.release(entry);
    }
  }

  /** Starts up to `limit` nodes, and yields what is over. `started`: those that are on their way. */
  async *#over(
    starter: Starter,
    started: Set<Entry>,
    limit: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Entry, void, void> {
    const stock = this.#stock;
    for (let left = limit; ; ) {
      signal?.throwIfAborted();
      const over = stock.take(stock.over, 'caller');
      const ready = over === null && left > 0 ? stock.take(stock.ready, starter) : null;
      if (over !== null) {
        starter.forget(over.core);
        started.delete(over);
        yield over;
      } else if (ready !== null) {
        left--;
        started.add(ready);
        starter.start(ready.core, () => ready.takenBy === starter);
      } else if (stock.busy > 0) await stock.change();
      else return;
    }
  }

  #given({ core }: Entry): N {
    if (this.#runDependents && core.state === 'DONE') for (const next of core.after()) this.#stock.add(next);
    return core.node as N;
  }
}
