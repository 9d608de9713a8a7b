import { messageOf } from '../errors.js';
import { drawingToDot } from './dot.js';
import { type DrawOptions, draw, textColorOf } from './drawing.js';
import type { TaskNode } from './task-node.js';

/** What of the optional package is used. */
interface Graphviz {
  renderString(dot: string, options: object): string;
}

const style = {
  format: 'svg',
  graphAttributes: { rankdir: 'LR', bgcolor: 'transparent', ranksep: 0.6, nodesep: 0.1 },
  nodeAttributes: {
    shape: 'box',
    fontname: 'Helvetica,Arial,sans-serif',
    fontsize: 11,
    height: 0.4,
    margin: '0.2,0.04',
  },
  edgeAttributes: { color: '#777777', arrowsize: 0.6 },
};

/**
 * The nodes as an SVG, drawn by Graphviz. Needs the package @viz-js/viz, which is Graphviz compiled to WebAssembly. The
 * picture is of the states at the time of the call.
 *
 * @throws TypeError as `toDot` does; Error if @viz-js/viz is not installed, or can't draw so much.
 *
 * @example
 * ```ts
 * await writeFile('build.svg', await toSvg([link], { followRequired: true }));
 * ```
 */
export async function toSvg(nodes: Iterable<TaskNode>, options: DrawOptions = {}): Promise<string> {
  const drawing = draw(nodes, options);
  const dot = drawingToDot(drawing, (state) => `,fontcolor=${textColorOf(state)}`);
  const graphviz = await loadGraphviz();
  try {
    return graphviz.renderString(dot, style);
  } catch (cause) {
    const size = `nodes: ${drawing.nodes.size}, edges: ${drawing.edges.length}`;
    throw new Error(
      `toSvg() could not draw this graph (${size}): ${cause}. Draw fewer nodes, or give what toDot() returns to Graphviz itself`,
      { cause },
    );
  }
}

/** A new one for each picture: its memory only ever grows, and one that has failed once fails again. */
async function loadGraphviz(): Promise<Graphviz> {
  try {
    const { instance } = await import('@viz-js/viz');
    return await instance();
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    throw new Error(
      isMissing
        ? 'toSvg() needs the package @viz-js/viz: install it with `npm install @viz-js/viz`'
        : `toSvg() could not load @viz-js/viz: ${messageOf(cause)}`,
      { cause },
    );
  }
}
