import { colorOf, type Drawing, type DrawOptions, draw, printable } from './drawing.js';
import { type NodeState, nodeStates, transitions } from './states.js';
import type { TaskNode } from './task-node.js';

/**
 * The nodes in Graphviz's language: coloured by state, with edges from each to those that require it. By default only
 * the given ones.
 *
 * @throws TypeError for anything that is no node, or an invalid option.
 *
 * @example
 * ```ts
 * await writeFile('build.dot', toDot([link], { followRequired: true }));
 * ```
 */
export function toDot(nodes: Iterable<TaskNode>, options: DrawOptions = {}): string {
  return drawingToDot(draw(nodes, options), () => '');
}

/** `more`: further attributes of a node, each after a comma. */
export function drawingToDot({ name, nodes, edges }: Drawing, more: (state: NodeState) => string): string {
  return digraph(name, [
    ...[...nodes].map(([{ name, state }, id]) => nodeLine(id, state, `${name}\n${state}`, more(state))),
    ...edges.map(([from, to]) => `${quote(from)} -> ${quote(to)}`),
  ]);
}

/**
 * The states that a node can be in and what leads from one to the other, in Graphviz's language.
 *
 * @example
 * ```ts
 * await writeFile('states.dot', stateDiagram());
 * ```
 */
export function stateDiagram(): string {
  return digraph('states', [
    ...nodeStates.map((state) => nodeLine(state, state, state)),
    ...nodeStates.flatMap((from) =>
      Object.entries(transitions[from]).map(([event, to]) => `${quote(from)} -> ${quote(to)}[label=${quote(event)}]`),
    ),
  ]);
}

/** What Graphviz takes for a name without quotes. */
const PLAIN_NAME = /^(?!(?:strict|(?:di|sub)?graph|node|edge)$)[a-z_]\w*$/i;

function digraph(name: string, lines: readonly string[]): string {
  return `digraph ${PLAIN_NAME.test(name) ? name : quote(name)} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

function nodeLine(id: string, state: NodeState, label: string, more = ''): string {
  return `${quote(id)}[style=filled,fillcolor=${colorOf(state)},label=${quote(withoutEmptyLines(label))}${more}]`;
}

/** A space stands for an empty line of a label: Graphviz (16.1) may crash when it lets go of one, after the layout. */
function withoutEmptyLines(label: string): string {
  return printable(label)
    .split('\n')
    .map((line) => line || ' ')
    .join('\n');
}

/** As a quoted string that reads as `text` where Graphviz looks for escapes (`\N`) and entities (`&amp;`). */
function quote(text: string): string {
  const escaped = printable(text).replace(/[\\"]/g, '\\$&').replace(/&/g, '&amp;').replace(/\n/g, '\\n');
  return `"${escaped}"`;
}
