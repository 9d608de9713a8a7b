import { colorOf, type DrawOptions, draw, printable, textColorOf } from './drawing.js';
import { nodeStates } from './states.js';
import type { TaskNode } from './task-node.js';

/**
 * The nodes as a Mermaid flowchart, which GitHub and others show where it stands in Markdown.
 *
 * @throws TypeError for anything that is no node, or an invalid option.
 *
 * @example
 * ```ts
 * await writeFile('build.md', `\`\`\`mermaid\n${toMermaid([link], { followRequired: true })}\`\`\`\n`);
 * ```
 */
export function toMermaid(nodes: Iterable<TaskNode>, options: DrawOptions = {}): string {
  const { nodes: ids, edges } = draw(nodes, options);
  const used = new Set([...ids.keys()].map(({ state }) => state));
  const lines = [
    ...[...ids].map(([{ name, state }, id]) => `${id}["${quoted(name)}<br/>${state}"]:::${state}`),
    ...edges.map(([from, to]) => `${from} --> ${to}`),
    ...nodeStates
      .filter((state) => used.has(state))
      .map((state) => `classDef ${state} fill:${colorOf(state)},stroke:#333,color:${textColorOf(state)}`),
  ];
  return `flowchart LR\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

/** Mermaid has entities of its own, `#34;`; backquotes would begin Markdown. */
function quoted(text: string): string {
  return printable(text)
    .replace(/[#&"'<>`\\*_]/g, (character) => `#${character.charCodeAt(0)};`)
    .replace(/\n/g, '<br/>');
}
