import { NiceqError, registerErrors } from '../errors.js';
import type { NodeState } from './states.js';
import type { TaskNode } from './task-node.js';

// Nodes are behind getters: an own property would be copied, with the whole graph, when the error goes to another thread.

/**
 * A node can't run, as nodes it requires are not DONE. When one of them has failed, `cause` is what it failed with.
 *
 * @example
 * ```ts
 * try {
 *   await link.dispatch();
 * } catch (error) {
 *   if (!(error instanceof BlockedError)) throw error;
 *   for (const node of error.blockedBy) console.log(node.name, node.state); // -> compile PENDING
 * }
 * ```
 */
export class BlockedError extends NiceqError {
  readonly #blockedBy: readonly TaskNode[];

  constructor(name: string, blockedBy: readonly TaskNode[], options?: ErrorOptions) {
    const [first, ...others] = blockedBy;
    const more = others.length === 0 ? '' : `, and ${others.length} more`;
    super('ERR_BLOCKED', `"${name}" can't run: it requires "${first?.name}", which is ${first?.state}${more}`, options);
    this.#blockedBy = blockedBy;
  }

  /** The required nodes that are in the way. */
  get blockedBy(): readonly TaskNode[] {
    // Not there in one that came from another thread.
    return #blockedBy in this ? this.#blockedBy : [];
  }
}

/**
 * A node would have required itself, if only through others.
 *
 * @example
 * ```ts
 * try {
 *   compile.require(link);
 * } catch (error) {
 *   if (!(error instanceof CycleError)) throw error;
 *   console.log(error.path.map(({ name }) => name).join(' -> ')); // -> compile -> link -> compile
 * }
 * ```
 */
export class CycleError extends NiceqError {
  readonly #path: readonly TaskNode[];

  constructor(path: readonly TaskNode[]) {
    super('ERR_CYCLE', `Each of these would have to run before the next: ${describePath(path)}`);
    this.#path = path;
  }

  /** From a node through those that require it, back to itself: it is the first and the last. */
  get path(): readonly TaskNode[] {
    return #path in this ? this.#path : [];
  }
}

/** Longer paths are cut in the middle. */
const MAX_SHOWN = 20;

function describePath(path: readonly TaskNode[]): string {
  const names = path.map(({ name }) => `"${name}"`);
  if (names.length > MAX_SHOWN) {
    const hidden = names.length - MAX_SHOWN + 1;
    names.splice(MAX_SHOWN / 2, hidden, `(${hidden} more)`);
  }
  return names.join(' -> ');
}

/**
 * What was asked of a node is not possible in the state it is in.
 *
 * @example
 * ```ts
 * try {
 *   compile.retry();
 * } catch (error) {
 *   if (!(error instanceof InvalidTransitionError)) throw error;
 *   console.log(error.event, error.state); // -> retry PENDING
 * }
 * ```
 */
export class InvalidTransitionError extends NiceqError {
  /** The state the node is in. */
  readonly state: NodeState;
  /** What was asked for. */
  readonly event: string;

  constructor(name: string, state: NodeState, event: string) {
    super('ERR_INVALID_TRANSITION', `"${name}" is ${state}: \`${event}\` is not possible there`);
    this.state = state;
    this.event = event;
  }
}

registerErrors({
  BlockedError: ['ERR_BLOCKED', BlockedError],
  CycleError: ['ERR_CYCLE', CycleError],
  InvalidTransitionError: ['ERR_INVALID_TRANSITION', InvalidTransitionError],
});
