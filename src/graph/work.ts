import { checkBoolean, checkFunction, checkOneOf, checkOptions, wrongType } from '../check.js';
import { checkCallOptions } from '../queue/call.js';
import type { CallOptions } from '../queue/options.js';
import { type AnyFunction, isTaskRef, type TaskRef } from '../tasks/task-module.js';
import { type NodeState, nodeStates, type Transition } from './states.js';
import type { TaskNode } from './task-node.js';

/** The results of the nodes that a node requires, by node. */
export interface Results extends ReadonlyMap<TaskNode, unknown> {
  /** The result of a required node. For one that is not required: undefined, whatever its type. */
  get<T>(node: TaskNode<T>): T;
}

/** What a node's function gets. */
export interface NodeContext {
  /** The node that runs. */
  readonly node: TaskNode;
  /** The results of the nodes it requires. */
  readonly results: Results;
  /** Aborts when the node is cancelled. */
  readonly signal: AbortSignal;
}

/** A function of the main thread: a closure, which may use whatever it sees, also call a queue. */
export type NodeFunction<A extends unknown[], T> = (context: NodeContext, ...args: A) => T | PromiseLike<T>;

/** The arguments of a node's function, or what makes them when the node's turn has come. */
export type NodeArguments<A extends unknown[]> =
  | readonly [...A]
  | ((context: Pick<NodeContext, 'results'>) => readonly [...A]);

export interface TaskNodeOptions<T = unknown, A extends unknown[] = []> {
  /**
   * The arguments of a task reference, or further ones of a function, after its context. As a function it is called
   * when the node is about to run, so that results of other nodes can be handed on. Default `[]`.
   */
  args?: NodeArguments<A>;
  /** Whether the node is CANCELLED instead of FAILED when its function throws. Default false. */
  cancelOnError?: boolean;
  /** Whether the node is CANCELLED instead of DONE, with this result. Default: never. */
  cancelOnResult?: (value: T) => boolean;
  /** Where it begins. With `'PREPARE'` nothing runs it before `prepared()`. Default `'PENDING'`. */
  state?: NodeState;
  /** true prints each transition as `name OLD->event->NEW`; a function gets it. Default false. */
  track?: boolean | ((transition: Transition, node: TaskNode) => void);
  /** How the queue is to run it, if it is a task reference. Without a queue they have no effect. Default `{}`. */
  call?: CallOptions;
}

/** What a node does, checked. */
export interface Work {
  readonly fn: AnyFunction | TaskRef;
  readonly args: NodeArguments<unknown[]>;
  readonly cancelOnError: boolean;
  readonly cancelOnResult: ((value: unknown) => boolean) | null;
  readonly call: CallOptions;
}

/** Throws TypeError or RangeError. */
export function checkWork<T, A extends unknown[]>(fn: unknown, options: TaskNodeOptions<T, A>): Work {
  if (typeof fn !== 'function' && !isTaskRef(fn)) throw wrongType('fn', 'a function or a task reference', fn);
  checkOptions('options', options);
  const { args = [], cancelOnError = false, cancelOnResult, call = {} } = options;
  if (typeof args !== 'function' && !Array.isArray(args)) throw wrongType('args', 'an array or a function', args);
  checkBoolean('cancelOnError', cancelOnError);
  if (cancelOnResult !== undefined) checkFunction('cancelOnResult', cancelOnResult);
  checkOptions('call', call);
  checkCallOptions(call);
  return {
    fn: fn as AnyFunction | TaskRef,
    args: args as NodeArguments<unknown[]>,
    cancelOnError,
    cancelOnResult: (cancelOnResult as Work['cancelOnResult'] | undefined) ?? null,
    call,
  };
}

export function checkState(state: unknown): NodeState {
  return checkOneOf('state', state, nodeStates);
}

/** Returns what is to hear each transition, if anything. */
export function checkTrack(track: unknown): ((transition: Transition, node: TaskNode) => void) | null {
  if (track === undefined || track === false) return null;
  if (track === true) return ({ from, event, to }, { name }) => console.log(`${name} ${from}->${event}->${to}`);
  if (typeof track !== 'function') throw wrongType('track', 'a boolean or a function', track);
  return track as (transition: Transition, node: TaskNode) => void;
}
