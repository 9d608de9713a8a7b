import { now } from '../clock.js';
import { TaskCancelledError } from '../errors.js';
import type { TaskQueue } from '../queue/task-queue.js';
import { isTaskRef } from '../tasks/task-module.js';
import { Attempt, type AttemptHost } from './attempt.js';
import { BlockedError, CycleError, InvalidTransitionError } from './errors.js';
import { Outcome } from './outcome.js';
import { makeRoom, newRank, pathBetween, type Ranked } from './ranks.js';
import { isOver, type NodeEvent, type NodeState, type Transition, transitions } from './states.js';
import type { TaskNode } from './task-node.js';
import type { Results, Work } from './work.js';

/** Hears that a node has changed state, or whether it is blocked. Must not throw. */
export interface Watcher {
  changed(core: NodeCore): void;
}

/**
 * The inside of a node: what runs, graphs and pictures may do with it and users may not. Only TaskNode can reach it, and
 * shares it here.
 */
export let coreOf: (node: TaskNode) => NodeCore;

export function shareCores(access: (node: TaskNode) => NodeCore): void {
  coreOf = access;
}

const NOBODY: readonly Watcher[] = [];

function* coresOf(nodes: Iterable<TaskNode>): Generator<NodeCore, void> {
  for (const node of nodes) yield coreOf(node);
}

/**
 * A node's state, links and attempts.
 *
 * Invariants: `unmet` is the number of required nodes that are not DONE; `dependents` of a required node has this one;
 * there is an attempt only while the node is QUEUED or RUNNING.
 */
export class NodeCore implements AttemptHost, Ranked<NodeCore> {
  readonly node: TaskNode;
  readonly work: Work;
  readonly history: Transition[] = [];
  readonly requires = new Set<TaskNode>();
  readonly dependents = new Set<TaskNode>();
  unmet = 0;
  rank = newRank();
  attempts = 0;
  outcome = new Outcome();
  #state: NodeState;
  #attempt: Attempt | null = null;
  /** Replaced, never changed: there may be many nodes, few have more than one, and one may leave while it is told. */
  #watchers: readonly Watcher[] = NOBODY;
  /** Transitions that the listeners have yet to hear; null while nobody is told of any. */
  #unheard: Transition[] | null = null;
  /** On its way to another state; watchers hear of that one only. */
  #isHidden = false;

  constructor(node: TaskNode, work: Work, state: NodeState) {
    this.node = node;
    this.work = work;
    this.#state = state;
    if (state === 'DONE') this.outcome.resolve(undefined);
    else if (isOver(state)) this.outcome.reject(new TaskCancelledError(`"${this.name}" began as ${state}`));
  }

  get name(): string {
    return this.node.name;
  }

  get state(): NodeState {
    return this.#state;
  }

  get isReference(): boolean {
    return isTaskRef(this.work.fn);
  }

  watch(watcher: Watcher): void {
    if (!this.#watchers.includes(watcher)) this.#watchers = [...this.#watchers, watcher];
  }

  unwatch(watcher: Watcher): void {
    this.#watchers =
      this.#watchers.length === 1 && this.#watchers[0] === watcher
        ? NOBODY
        : this.#watchers.filter((one) => one !== watcher);
  }

  // --- links --------------------------------------------------------------------------------------------------------

  before(): Iterable<NodeCore> {
    return coresOf(this.requires);
  }

  after(): Iterable<NodeCore> {
    return coresOf(this.dependents);
  }

  require(required: NodeCore): void {
    if (this.#state !== 'PREPARE' && this.#state !== 'PENDING') {
      throw new InvalidTransitionError(this.name, this.#state, 'require');
    }
    if (this.requires.has(required.node)) return;
    if (!makeRoom(required, this)) {
      throw new CycleError([...pathBetween<NodeCore>(this, required), this].map(({ node }) => node));
    }
    this.requires.add(required.node);
    required.dependents.add(this.node);
    if (required.state === 'DONE') return;
    this.unmet++;
    this.#changed();
  }

  /** The required nodes that are not DONE. */
  blockers(): TaskNode[] {
    return this.unmet === 0 ? [] : [...this.requires].filter(({ state }) => state !== 'DONE');
  }

  results(): Results {
    const results = new Map<TaskNode, unknown>();
    for (const required of this.requires) results.set(required, coreOf(required).outcome.value);
    return results as Results;
  }

  // --- running ------------------------------------------------------------------------------------------------------

  /** Runs it in the main thread. Returns a promise if that takes longer than the call. Throws if it may not run. */
  dispatch(): Promise<void> | undefined {
    if (transitions[this.#state].dispatch === undefined) {
      throw new InvalidTransitionError(this.name, this.#state, 'dispatch');
    }
    if (this.unmet > 0) throw new BlockedError(this.name, this.blockers());
    // One that waits in a queue would be run there a second time.
    this.#attempt?.cancel(new TaskCancelledError(`"${this.name}" was dispatched meanwhile`));
    this.attempts++;
    const attempt = new Attempt(this);
    this.#attempt = attempt;
    this.#fire('dispatch');
    // A listener may have cancelled it already.
    return this.#attempt === attempt ? attempt.runHere() : undefined;
  }

  /** Puts it into a queue. A call that the queue refuses makes it FAILED. */
  enqueue(queue: TaskQueue): void {
    const attempt = new Attempt(this);
    this.attempts++;
    this.#attempt = attempt;
    try {
      attempt.runThrough(queue);
    } catch (error) {
      this.#end('error', error);
      return;
    }
    this.#fire('queue');
  }

  /** Takes it back from the queue, if it waits there: PENDING, as if it had never been there. */
  withdraw(): void {
    if (this.#state !== 'QUEUED') return;
    // Others that wait for it are not to take it for cancelled.
    this.#isHidden = true;
    this.cancel();
    // A listener may have retried it already.
    if ((this.#state as NodeState) === 'CANCELLED') this.retry();
    this.#isHidden = false;
    this.#changed();
  }

  begun(attempt: Attempt): void {
    if (this.#attempt === attempt && this.#state === 'QUEUED') this.#fire('dispatch');
  }

  returned(attempt: Attempt, value: unknown): void {
    if (!this.#isCurrent(attempt)) return;
    let isCancelled: boolean;
    try {
      isCancelled = Boolean(this.work.cancelOnResult?.(value));
    } catch (error) {
      this.threw(attempt, error);
      return;
    }
    if (isCancelled) this.#end('cancel', new TaskCancelledError(`"${this.name}" was cancelled because of its result`));
    else this.#end('done', value);
  }

  threw(attempt: Attempt, error: unknown): void {
    if (this.#isCurrent(attempt)) this.#end(this.work.cancelOnError ? 'cancel' : 'error', error);
  }

  dropped(attempt: Attempt, error: unknown): void {
    if (this.#attempt === attempt) this.#end('cancel', attempt.cancellation ?? error);
  }

  /** Whether it is this attempt's outcome that counts. If it was cancelled, that is its outcome. */
  #isCurrent(attempt: Attempt): boolean {
    if (this.#attempt !== attempt) return false;
    // The queue may tell of the end before it tells of the beginning, or of the end only.
    this.begun(attempt);
    if (attempt.cancellation === null) return this.#attempt === attempt;
    this.#end('cancel', attempt.cancellation);
    return false;
  }

  // --- what else can happen -----------------------------------------------------------------------------------------

  cancel(reason?: unknown): void {
    if (transitions[this.#state].cancel === undefined) {
      throw new InvalidTransitionError(this.name, this.#state, 'cancel');
    }
    const options = reason === undefined ? undefined : { cause: reason };
    const error = new TaskCancelledError(`"${this.name}" was cancelled`, options);
    if (this.#state === 'RUNNING' && this.#attempt !== null) {
      if (this.#attempt.cancellation === null) this.#attempt.cancel(error);
      return;
    }
    const attempt = this.#attempt;
    this.#end('cancel', error);
    attempt?.cancel(error);
  }

  /** It can't run because of a node it requires: FAILED, or CANCELLED if that one was. */
  refuse(blocker: NodeCore): void {
    const { error } = blocker.outcome;
    // The first cause rather than a chain of them as long as the graph is deep.
    const cause = error instanceof BlockedError ? error.cause : error;
    const blocked = new BlockedError(this.name, [blocker.node], cause === undefined ? undefined : { cause });
    if (blocker.state !== 'CANCELLED') this.#end('error', blocked);
    else {
      const message = `"${this.name}" was cancelled, as "${blocker.name}" was, which it requires`;
      this.#end('cancel', new TaskCancelledError(message, { cause: blocked }));
    }
  }

  retry(): void {
    if (transitions[this.#state].retry !== undefined) this.outcome = new Outcome();
    this.#fire('retry');
  }

  abort(): void {
    if (this.outcome.isOpen && transitions[this.#state].abort !== undefined) {
      this.outcome.reject(new TaskCancelledError(`"${this.name}" was aborted`));
    }
    this.#fire('abort');
  }

  prepared(): void {
    this.#fire('prepared');
  }

  // --- transitions --------------------------------------------------------------------------------------------------

  #end(event: 'done' | 'error' | 'cancel', result: unknown): void {
    this.#attempt = null;
    if (event === 'done') this.outcome.resolve(result);
    else this.outcome.reject(result);
    this.#fire(event);
  }

  #fire(event: NodeEvent): void {
    const from = this.#state;
    const to = transitions[from][event];
    if (to === undefined) throw new InvalidTransitionError(this.name, from, event);
    this.#state = to;
    if (to === 'DONE') for (const dependent of this.dependents) coreOf(dependent).unmet--;
    const transition = { from, event, to, at: now() };
    this.history.push(transition);
    if (this.#unheard === null) this.#tell(transition);
    else this.#unheard.push(transition);
  }

  /** Tells the listeners, and after it of what they have done meanwhile: all of them hear everything in order. */
  #tell(transition: Transition): void {
    this.#unheard = [transition];
    for (const unheard of this.#unheard) {
      this.node.emit('transition', unheard, this.node);
      this.node.emit(unheard.to, unheard, this.node);
    }
    this.#unheard = null;
    this.#changed();
    if (this.#state !== 'DONE') return;
    for (const dependent of this.dependents) {
      const core = coreOf(dependent);
      if (core.unmet === 0) core.#changed();
    }
  }

  #changed(): void {
    if (this.#isHidden) return;
    for (const watcher of this.#watchers) watcher.changed(this);
  }
}
