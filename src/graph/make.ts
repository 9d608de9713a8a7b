import { coreOf } from './core.js';
import { type MakeOptions, makeCores } from './run.js';
import { checkNodes, type TaskNode } from './task-node.js';

/**
 * Makes nodes, and first what they require: runs all that is not DONE and can run, independent nodes at the same time.
 * Yields each of `nodes`, and no other, once, when it is DONE, FAILED, CANCELLED or ABORTED. Begins with the first read;
 * leaving the loop starts nothing more.
 *
 * A node that requires a failed one becomes FAILED; one that requires a cancelled one, CANCELLED. After repairing what
 * was wrong, `retry()` those and make again: only what is not DONE runs.
 *
 * @throws InvalidTransitionError if one of `nodes` is PREPARE; the reason of `signal` when that aborts; TypeError or
 *   RangeError, from the call itself, for an invalid option.
 *
 * @example
 * ```ts
 * for await (const node of make([docs, link], { queue, failFast: true })) console.log(node.name, node.state);
 * ```
 */
export function make<N extends TaskNode>(nodes: Iterable<N>, options: MakeOptions = {}): AsyncGenerator<N, void, void> {
  // It yields only what it was given.
  return makeCores(checkNodes(nodes).map(coreOf), options) as AsyncGenerator<N, void, void>;
}

/**
 * Like `make`, for those who want all of it at once: resolves with the nodes in the order they were completed.
 *
 * @example
 * ```ts
 * const nodes = await makeNow([link, compile]);
 * console.log(nodes.map(({ name }) => name)); // -> [ 'compile', 'link' ]
 * ```
 */
export async function makeNow<N extends TaskNode>(nodes: Iterable<N>, options: MakeOptions = {}): Promise<N[]> {
  const completed: N[] = [];
  for await (const node of make(nodes, options)) completed.push(node);
  return completed;
}
