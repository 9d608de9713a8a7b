import { checkBoolean, checkOptions, checkString } from '../check.js';
import type { NodeState } from './states.js';
import { checkNodes, type TaskNode } from './task-node.js';

export interface DrawOptions {
  /** The name of the graph. Default `'tasks'`. */
  name?: string;
  /** Whether to draw the nodes that the given ones require as well, and what those require. Default false. */
  followRequired?: boolean;
  /** Whether to draw the nodes that require the given ones as well, and what requires those. Default false. */
  followDependents?: boolean;
}

/** What there is to draw: nodes with ids of their own, and edges between them. */
export interface Drawing {
  readonly name: string;
  readonly nodes: ReadonlyMap<TaskNode, string>;
  readonly edges: readonly (readonly [from: string, to: string])[];
}

/** Collects what is to be drawn. Throws TypeError. */
export function draw(nodes: Iterable<TaskNode>, options: DrawOptions): Drawing {
  checkOptions('options', options);
  const { name = 'tasks', followRequired = false, followDependents = false } = options;
  checkString('name', name);
  checkBoolean('followRequired', followRequired);
  checkBoolean('followDependents', followDependents);
  const drawn = new Set(checkNodes(nodes));
  // A set's iterator also visits what is added on the way.
  for (const node of drawn) {
    if (followRequired) for (const required of node.requires) drawn.add(required);
    if (followDependents) for (const dependent of sorted(node.dependents)) drawn.add(dependent);
  }
  const ids = new Map([...drawn].map((node, index) => [node, `n${index + 1}`]));
  const edges: [string, string][] = [];
  for (const [node, id] of ids) {
    for (const dependent of sorted(node.dependents)) {
      const to = ids.get(dependent);
      if (to !== undefined) edges.push([id, to]);
    }
  }
  return { name, nodes: ids, edges };
}

function sorted(nodes: Iterable<TaskNode>): TaskNode[] {
  return [...nodes].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

const colors: { readonly [State in NodeState]?: string } = {
  RUNNING: 'yellow',
  DONE: 'green',
  FAILED: 'red',
  CANCELLED: 'gray',
  ABORTED: 'darkred',
};

export function colorOf(state: NodeState): string {
  return colors[state] ?? 'white';
}

/** The colour of text on that of the state. */
export function textColorOf(state: NodeState): string {
  return state === 'DONE' || state === 'FAILED' || state === 'ABORTED' ? 'white' : 'black';
}

/** The text with what no picture can show replaced by what stands for it, and each line break a `\n`. */
export function printable(text: string): string {
  return (
    text
      .replace(/\r\n?/g, '\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML does not allow, or ends a C string.
      .replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)))
      .replace(/[\x7f-\x9f\p{Surrogate}\uFFFE\uFFFF]/gu, '\uFFFD')
  );
}
