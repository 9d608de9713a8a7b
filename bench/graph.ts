import type { TaskNode } from 'niceq/graph';

// The build, by its path: bench/ has a package.json of its own, so niceq can't be imported by its name here.
const graphs: typeof import('niceq/graph') = await import(new URL('../../dist/graph.js', import.meta.url).href);

export interface GraphRow {
  name: string;
  nodes: number;
  ms: number;
  nsPerNode: number;
}

const noop = () => {};

/** Each after the one before. Returns what has to be made for all of them to run. */
function chain(count: number): TaskNode[] {
  let last: TaskNode = new graphs.TaskNode('0', noop);
  for (let i = 1; i < count; i++) last = last.andThen(`${i}`, noop);
  return [last];
}

/** The same, linked from the end to the beginning. */
function chainBackwards(count: number): TaskNode[] {
  const last: TaskNode = new graphs.TaskNode('0', noop);
  let first = last;
  for (let i = 1; i < count; i++) {
    const node: TaskNode = new graphs.TaskNode(`${i}`, noop);
    first.require(node);
    first = node;
  }
  return [last];
}

/** One, many that require it, and one that requires all of those. */
function fan(count: number): TaskNode[] {
  const first = new graphs.TaskNode('first', noop);
  const last = new graphs.TaskNode('last', noop);
  for (let i = 2; i < count; i++) last.require(first.andThen(`${i}`, noop));
  return [last];
}

/** Layers of 100, each node after four of the layer before. */
function layers(count: number): TaskNode[] {
  let layer: TaskNode[] = [];
  for (let made = 0; made < count; made += 100) {
    const before = layer;
    layer = Array.from({ length: 100 }, (_, i) => {
      const node: TaskNode = new graphs.TaskNode(`${made + i}`, noop);
      for (let k = 0; k < 4 && before.length > 0; k++) node.require(before[(i * 7 + k * 13) % 100] as TaskNode);
      return node;
    });
  }
  return layer;
}

/** The first one fails, and takes all others along. */
function failingChain(count: number): TaskNode[] {
  let last: TaskNode = new graphs.TaskNode('0', () => {
    throw new Error('on purpose');
  });
  for (let i = 1; i < count; i++) last = last.andThen(`${i}`, noop);
  return [last];
}

const shapes = { chain, chainBackwards, fan, layers, failingChain };

async function measure(name: string, shape: (count: number) => TaskNode[], nodes: number): Promise<GraphRow[]> {
  const row = (what: string, ms: number) => ({ name: `${name}, ${what}`, nodes, ms, nsPerNode: (ms * 1e6) / nodes });
  const begin = performance.now();
  const wanted = shape(nodes);
  const built = performance.now();
  for await (const _ of graphs.make(wanted, { concurrency: 100 }));
  const made = performance.now();
  return [row('building', built - begin), row('making', made - built)];
}

/** Nodes that do nothing, so that all the time is the graph's own. Twice the sizes show whether it is linear. */
export default async function graph(sizes: readonly number[] = [25_000, 50_000, 100_000]): Promise<GraphRow[]> {
  const rows: GraphRow[] = [];
  // The first is for the compiler.
  for (const nodes of [10_000, ...sizes]) {
    for (const [name, shape] of Object.entries(shapes)) {
      const measured = await measure(name, shape, nodes);
      if (nodes !== 10_000) rows.push(...measured);
    }
  }
  return rows;
}
