import { type NodeState, TaskNode, type TaskNodeOptions } from 'niceq/graph';
import { deferred } from '../deferred.js';

/** Lets everything that is only waiting for microtasks and macrotasks of its own go on. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

export function ok(name: string, options: TaskNodeOptions<string> = {}): TaskNode<string> {
  return new TaskNode(name, () => name, options);
}

export function failing(name: string, error: unknown = new Error(`${name} failed`)): TaskNode {
  return new TaskNode(name, () => {
    throw error;
  });
}

/** A node that runs until it is told how to end. */
export function open(name: string) {
  const { promise, resolve, reject } = deferred<string>();
  return { node: new TaskNode(name, () => promise), resolve, reject };
}

export const statesOf = (nodes: Iterable<TaskNode>): NodeState[] => [...nodes].map(({ state }) => state);
export const namesOf = (nodes: Iterable<TaskNode>): string[] => [...nodes].map(({ name }) => name);
