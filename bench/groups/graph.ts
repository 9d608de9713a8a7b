import type { TaskNode as Node } from 'niceq/graph';
import type { Case, Group, Measure } from '../harness.js';
import { make, TaskNode } from '../niceq.js';

const noop = () => {};

/** Each after the one before. Returns what has to be made for all of them to run. */
function chain(count: number): Node[] {
  let last: Node = new TaskNode('0', noop);
  for (let i = 1; i < count; i++) last = last.andThen(`${i}`, noop);
  return [last];
}

/** The same, linked from the end to the beginning. */
function chainBackwards(count: number): Node[] {
  const last: Node = new TaskNode('0', noop);
  let first = last;
  for (let i = 1; i < count; i++) {
    const node: Node = new TaskNode(`${i}`, noop);
    first.require(node);
    first = node;
  }
  return [last];
}

/** One, many that require it, and one that requires all of those. */
function fan(count: number): Node[] {
  const first = new TaskNode('first', noop);
  const last = new TaskNode('last', noop);
  for (let i = 2; i < count; i++) last.require(first.andThen(`${i}`, noop));
  return [last];
}

/** Layers of 100, each node after four of the layer before. */
function layers(count: number): Node[] {
  let layer: Node[] = [];
  for (let made = 0; made < count; made += 100) {
    const before = layer;
    layer = Array.from({ length: 100 }, (_, i) => {
      const node: Node = new TaskNode(`${made + i}`, noop);
      for (let k = 0; k < 4 && before.length > 0; k++) node.require(before[(i * 7 + k * 13) % 100] as Node);
      return node;
    });
  }
  return layer;
}

/** The first one fails, and takes all others along. */
function failingChain(count: number): Node[] {
  let last: Node = new TaskNode('0', () => {
    throw new Error('on purpose');
  });
  for (let i = 1; i < count; i++) last = last.andThen(`${i}`, noop);
  return [last];
}

const shapes = { chain, chainBackwards, fan, layers, failingChain };

/** Nanoseconds a node. */
function phase(shape: (count: number) => Node[], nodes: number, isMaking: boolean): Measure {
  return async () => {
    const begin = performance.now();
    const wanted = shape(nodes);
    const built = performance.now();
    if (!isMaking) return ((built - begin) * 1e6) / nodes;
    for await (const _ of make(wanted, { concurrency: 100 }));
    return ((performance.now() - built) * 1e6) / nodes;
  };
}

async function awaitLoop(count: number): Promise<number> {
  const begin = performance.now();
  for (let i = 0; i < count; i++) await noop();
  return ((performance.now() - begin) * 1e6) / count;
}

/** Nodes that do nothing, so that all the time is the graph's own. Several sizes show whether it is linear. */
export const graph: Group = (isQuick) => {
  const sizes = isQuick ? [1000, 2000] : [25_000, 100_000];
  const cases = [false, true].flatMap((isMaking) =>
    sizes.map(
      (nodes): Case => ({
        id: `${isMaking ? 'make' : 'build'}-${nodes}`,
        title: `${isMaking ? 'making' : 'building'} ${nodes}`,
        rounds: isQuick ? 1 : 3,
        candidates: {
          'bare await loop': () => () => awaitLoop(nodes),
          ...Object.fromEntries(
            Object.entries(shapes).map(([name, shape]) => [`niceq, ${name}`, () => phase(shape, nodes, isMaking)]),
          ),
        },
      }),
    ),
  );
  return [{ title: 'Graphs of nodes that do nothing', unit: 'ns a node', cases }];
};
