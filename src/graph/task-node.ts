import { checkString, wrongType } from '../check.js';
import { GuardedEmitter } from '../guarded-emitter.js';
import type { AnyFunction, TaskRef } from '../tasks/task-module.js';
import { coreOf, NodeCore, shareCores } from './core.js';
import { type MakeOptions, makeCores } from './run.js';
import type { NodeState, Transition } from './states.js';
import { checkState, checkTrack, checkWork, type NodeFunction, type TaskNodeOptions } from './work.js';

/** The events of a node: each transition as `transition`, and then under the name of the state it led to. */
export type NodeEvents = { [Event in 'transition' | NodeState]: [transition: Transition, node: TaskNode] };

/** What a node can do: a function of the main thread, or a task reference. */
export type Callable<A extends unknown[], T> = NodeFunction<A, T> | TaskRef<(...args: A) => T | PromiseLike<T>>;

/**
 * A task that may need others to be done first, and that can be repaired and run again. Creating one starts nothing:
 * `make` and `TaskGraph` do.
 *
 * @example
 * ```ts
 * const compile = new TaskNode('compile', () => build());
 * const link = compile.andThen('link', ({ results }) => linkAll(results.get(compile)));
 * await link.make(); // runs both
 * ```
 */
export class TaskNode<T = unknown, A extends unknown[] = never[]> extends GuardedEmitter<NodeEvents> {
  readonly name: string;
  readonly #core: NodeCore;

  static {
    shareCores((node) => node.#core);
  }

  /**
   * @param name - For people: in messages and pictures; names need not differ. Default: the function's.
   * @param fn - A task reference, or a function of the main thread that gets `{ node, results, signal }`.
   * @throws TypeError or RangeError for an invalid option.
   */
  constructor(name: string, fn: Callable<A, T>, options?: TaskNodeOptions<T, A>);
  constructor(fn: Callable<A, T>, options?: TaskNodeOptions<T, A>);
  constructor(...args: unknown[]) {
    const [name, fn, options = {}] = typeof args[0] === 'string' ? args : [undefined, ...args];
    super();
    const work = checkWork(fn, options as TaskNodeOptions);
    const { state = 'PENDING', track } = options as TaskNodeOptions;
    this.name = name === undefined ? nameOf(work.fn) : checkString('name', name);
    const listener = checkTrack(track);
    this.#core = new NodeCore(this as TaskNode, work, checkState(state));
    if (listener !== null) this.on('transition', listener);
  }

  // --- what it is ---------------------------------------------------------------------------------------------------

  get state(): NodeState {
    return this.#core.state;
  }

  /** Every transition so far, oldest first. */
  get history(): readonly Transition[] {
    return this.#core.history;
  }

  /**
   * The result of the attempt that is under way, is over, or is to come; `retry()` begins a new one. Rejects with what
   * the function threw, or a TaskCancelledError, or a BlockedError if it could not run. One that nobody took never
   * raises unhandledRejection.
   */
  get result(): Promise<T> {
    return this.#core.outcome.promise as Promise<T>;
  }

  /** The nodes that have to be DONE before this one can run. */
  get requires(): ReadonlySet<TaskNode> {
    return this.#core.requires;
  }

  /** The nodes that require this one. */
  get dependents(): ReadonlySet<TaskNode> {
    return this.#core.dependents;
  }

  /** Whether a node it requires is not DONE. */
  get isBlocked(): boolean {
    return this.#core.unmet > 0;
  }

  /** Whether its attempt is over and was not cancelled: DONE, FAILED or ABORTED. */
  get isCompleted(): boolean {
    const { state } = this;
    return state === 'DONE' || state === 'FAILED' || state === 'ABORTED';
  }

  /** The required nodes that are not DONE. */
  blockers(): TaskNode[] {
    return this.#core.blockers();
  }

  // --- links --------------------------------------------------------------------------------------------------------

  /**
   * Lets this node run only after others. Returns this node.
   *
   * @throws InvalidTransitionError unless this node is PREPARE or PENDING, CycleError if one of the others requires it
   *   already, if only through further ones, or is itself.
   */
  require(...nodes: readonly TaskNode[]): this {
    for (const node of nodes) this.#core.require(coreOf(checkNode('node', node)));
    return this;
  }

  /** Lets other nodes run only after this one: `require` from the other end. Returns this node. */
  blocks(...nodes: readonly TaskNode[]): this {
    for (const node of nodes) checkNode('node', node).require(this as TaskNode);
    return this;
  }

  /**
   * Links a node after this one, or makes one there, and returns it. Starts neither.
   *
   * @example
   * ```ts
   * const size = bundle.andThen('gzip', ({ results }) => gzip(results.get(bundle))).andThen(report);
   * ```
   */
  andThen<N extends TaskNode>(node: N): N;
  andThen<R, B extends unknown[]>(name: string, fn: Callable<B, R>, options?: TaskNodeOptions<R, B>): TaskNode<R>;
  andThen<R, B extends unknown[]>(fn: Callable<B, R>, options?: TaskNodeOptions<R, B>): TaskNode<R>;
  andThen(...args: unknown[]): TaskNode {
    const node = args[0] instanceof TaskNode ? (args[0] as TaskNode) : makeNode(args);
    return node.require(this as TaskNode);
  }

  // --- running ------------------------------------------------------------------------------------------------------

  /**
   * Makes what this node requires, and then this node: `make` for a single one.
   *
   * @returns whether it is DONE.
   * @throws what `make` throws; not what the node's function throws, which is for `result` to tell.
   */
  async make(options: MakeOptions = {}): Promise<boolean> {
    for await (const _ of makeCores([this.#core], options));
    return this.state === 'DONE';
  }

  /**
   * Runs the node now, in the main thread, whatever else is running.
   *
   * @returns its `result`; one that nobody awaits never raises unhandledRejection.
   * @throws InvalidTransitionError unless it is PENDING or QUEUED, BlockedError if a node it requires is not DONE.
   */
  dispatch(): Promise<T> {
    const { outcome } = this.#core;
    this.#core.dispatch();
    const result = outcome.promise as Promise<T>;
    result.catch(() => {});
    return result;
  }

  /**
   * Cancels it. One that is RUNNING sees its signal abort, and is CANCELLED when its function has ended, whatever it
   * returns; through a queue, as soon as the queue gives it up.
   *
   * @param reason - Becomes the `cause` of the TaskCancelledError that `result` rejects with.
   * @throws InvalidTransitionError unless it is PENDING, QUEUED or RUNNING.
   */
  cancel(reason?: unknown): void {
    this.#core.cancel(reason);
  }

  /** Gives it up for good. @throws InvalidTransitionError unless it is PENDING, FAILED or CANCELLED. */
  abort(): void {
    this.#core.abort();
  }

  /** Makes it PENDING again, with a new `result`. @throws InvalidTransitionError unless it is FAILED or CANCELLED. */
  retry(): void {
    this.#core.retry();
  }

  /** Makes it PENDING: all it needs is there. @throws InvalidTransitionError unless it is PREPARE. */
  prepared(): void {
    this.#core.prepared();
  }
}

/** Throws a TypeError unless `value` is a node. */
export function checkNode(name: string, value: unknown): TaskNode {
  if (!(value instanceof TaskNode)) throw wrongType(name, 'a TaskNode', value);
  return value as TaskNode;
}

/** Throws a TypeError unless `value` holds nodes and nothing else. */
export function checkNodes<N extends TaskNode>(value: Iterable<N>): N[] {
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) {
    throw wrongType('nodes', 'an iterable of TaskNodes', value);
  }
  const nodes = [...value];
  for (const node of nodes) checkNode('nodes', node);
  return nodes;
}

function nameOf(fn: AnyFunction | TaskRef): string {
  return fn.name || 'anonymous';
}

function makeNode(args: readonly unknown[]): TaskNode {
  const [name, fn, options] = typeof args[0] === 'string' ? args : [undefined, ...args];
  return name === undefined
    ? new TaskNode(fn as NodeFunction<unknown[], unknown>, options as TaskNodeOptions)
    : new TaskNode(name as string, fn as NodeFunction<unknown[], unknown>, options as TaskNodeOptions);
}
