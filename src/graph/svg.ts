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
 * @throws TypeError as `toDot` does; Error if @viz-js/viz is not installed.
 *
 * @example
 * ```ts
 * await writeFile('build.svg', await toSvg([link], { followRequired: true }));
 * ```
 */
export async function toSvg(nodes: Iterable<TaskNode>, options: DrawOptions = {}): Promise<string> {
  const dot = drawingToDot(draw(nodes, options), (state) => `,fontcolor=${textColorOf(state)}`);
  return (await loadGraphviz()).renderString(dot, style);
}

// A new one for each picture: after one with other than ASCII text in it, an instance may trap at the next (3.31).
async function loadGraphviz(): Promise<Graphviz> {
  try {
    const { instance } = await import('@viz-js/viz');
    return await instance();
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    throw new Error(
      isMissing
        ? 'toSvg() needs the package @viz-js/viz: install it with `npm install @viz-js/viz`'
        : `toSvg() could not load @viz-js/viz: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}
