import fc from 'fast-check';
import { AsyncQueue, taskModule } from 'niceq';
import { type RunOptions, TaskGraph, TaskNode } from 'niceq/graph';
import { describe, expect, test } from 'vitest';
import { namesOf, ok, open, settle, statesOf } from './helpers.js';

const tasks = taskModule<typeof import('./fixtures/graph.tasks.js')>(
  new URL('./fixtures/graph.tasks.js', import.meta.url),
);

async function run<N extends TaskNode>(graph: TaskGraph<N>, options?: RunOptions): Promise<TaskNode[]> {
  const nodes: TaskNode[] = [];
  for await (const node of graph.run(options)) nodes.push(node);
  return nodes;
}

function pair() {
  const t1 = ok('t1');
  return { t1, t2: t1.andThen(ok('t2')) };
}

describe('run() with t1 -> t2', () => {
  test('both given: both run', async () => {
    const { t1, t2 } = pair();
    expect(await run(new TaskGraph([t1, t2]))).toEqual([t1, t2]);
  });

  test('given in the wrong order: both run, in the right one', async () => {
    const { t1, t2 } = pair();
    expect(await run(new TaskGraph([t2, t1]))).toEqual([t1, t2]);
  });

  test('only t1 given: t2 does not', async () => {
    const { t1, t2 } = pair();
    expect(await run(new TaskGraph([t1]))).toEqual([t1]);
    expect(t2.state).toBe('PENDING');
  });

  test('only t1 given, with runDependents: both', async () => {
    const { t1, t2 } = pair();
    expect(await run(new TaskGraph([t1], { runDependents: true }))).toEqual([t1, t2]);
  });

  test('only t2 given: it is left over, and listed', async () => {
    const { t2 } = pair();
    const graph = new TaskGraph([t2]);
    expect(await run(graph)).toEqual([]);
    expect(graph.blocked).toEqual([t2]);
    expect(t2.state).toBe('PENDING');
  });
});

test('a dependent with another unmet prerequisite outside the graph stays unrun, and is listed', async () => {
  const { t1, t2 } = pair();
  t2.require(ok('outside'));
  const graph = new TaskGraph([t1], { runDependents: true });
  expect(await run(graph)).toEqual([t1]);
  expect(graph.blocked).toEqual([t2]);
});

test('nodes go in the order they were added', async () => {
  const nodes = ['c', 'a', 'b'].map((name) => ok(name));
  const graph = new TaskGraph(nodes.slice(0, 2)).add(nodes[2] as TaskNode<string>, nodes[0] as TaskNode<string>);
  expect(graph.nodes).toEqual(nodes);
  expect(namesOf(await run(graph))).toEqual(['c', 'a', 'b']);
});

test('those that are over already come first, as they are', async () => {
  const nodes = [ok('a'), ok('b', { state: 'DONE' }), ok('c', { state: 'CANCELLED' })];
  expect(namesOf(await run(new TaskGraph(nodes)))).toEqual(['b', 'c', 'a']);
  expect(statesOf(nodes)).toEqual(['DONE', 'DONE', 'CANCELLED']);
});

test('a node that fails stops those after it without touching them; after retry they run', async () => {
  let isBroken = true;
  const broken = new TaskNode('broken', () => {
    if (isBroken) throw new Error('no');
  });
  const [after, beside] = [broken.andThen(ok('after')), ok('beside')];
  const graph = new TaskGraph([broken, after, beside]);
  expect(namesOf(await run(graph))).toEqual(['broken', 'beside']);
  expect(graph.blocked).toEqual([after]);
  isBroken = false;
  broken.retry();
  expect(namesOf(await run(graph))).toEqual(['broken', 'after']);
  expect(graph.blocked).toEqual([]);
});

test('a node that is PREPARE is left over until it is prepared', async () => {
  const node = ok('n', { state: 'PREPARE' });
  const graph = new TaskGraph([node]);
  expect(await run(graph)).toEqual([]);
  expect(graph.blocked).toEqual([node]);
  node.prepared();
  expect(await run(graph)).toEqual([node]);
});

test('what somebody else runs is waited for', async () => {
  const { node, resolve } = open('n');
  const after = node.andThen(ok('after'));
  node.dispatch();
  const running = run(new TaskGraph([after, node]));
  await settle();
  resolve('');
  expect(namesOf(await running)).toEqual(['n', 'after']);
});

test('nodes may be added while it runs', async () => {
  const { node, resolve } = open('n');
  const graph = new TaskGraph<TaskNode>([node]);
  const running = run(graph);
  await settle();
  graph.add(ok('late'));
  resolve('');
  expect(namesOf(await running).sort()).toEqual(['late', 'n']);
});

test('one at a time by default, several with concurrency', async () => {
  for (const concurrency of [undefined, 2]) {
    const nodes = [open('a'), open('b'), open('c')];
    const graph = new TaskGraph(
      nodes.map(({ node }) => node),
      concurrency === undefined ? {} : { concurrency },
    );
    const running = run(graph);
    await settle();
    expect(nodes.filter(({ node }) => node.state === 'RUNNING')).toHaveLength(concurrency ?? 1);
    for (const { resolve } of nodes) resolve('');
    expect(await running).toHaveLength(3);
  }
});

test('task references run through the queue, the independent ones at once', async () => {
  const queue = new AsyncQueue({ autoStart: false });
  const [a, b] = [new TaskNode('a', tasks.double, { args: [1] }), new TaskNode('b', tasks.double, { args: [2] })];
  const c = new TaskNode('c', tasks.sum, { args: ({ results }) => [results.get(a), results.get(b)] }).require(a, b);
  const running = run(new TaskGraph<TaskNode>([a, b, c], { queue }));
  await settle();
  expect(queue.size).toBe(2);
  queue.resume();
  expect(namesOf(await running)).toEqual(['a', 'b', 'c']);
  expect(await c.result).toBe(6);
});

test('once: a single node', async () => {
  const { t1, t2 } = pair();
  const graph = new TaskGraph([t1, t2]);
  expect(await run(graph, { once: true })).toEqual([t1]);
  expect(t2.state).toBe('PENDING');
  expect(await run(graph, { once: true })).toEqual([t2]);
  expect(await run(graph, { once: true })).toEqual([]);
});

describe('a signal', () => {
  test('that has aborted: its reason, and nothing begins', async () => {
    const node = ok('n');
    await expect(run(new TaskGraph([node]), { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(node.state).toBe('PENDING');
  });

  test('that aborts: what runs is cancelled, the rest stays PENDING and can be run later', async () => {
    const controller = new AbortController();
    const { node, resolve } = open('n');
    const other = ok('other');
    const graph = new TaskGraph<TaskNode>([node, other]);
    const running = run(graph, { signal: controller.signal });
    await settle();
    controller.abort('stop');
    await expect(running).rejects.toBe('stop');
    resolve('');
    await settle();
    expect(statesOf([node, other])).toEqual(['CANCELLED', 'PENDING']);
    expect(namesOf(await run(graph))).toEqual(['n', 'other']);
    expect(other.state).toBe('DONE');
  });
});

test('leaving the loop starts nothing more; another run goes on from there', async () => {
  const [a, b] = [open('a'), open('b')];
  const graph = new TaskGraph<TaskNode>([ok('first'), a.node, b.node]);
  for await (const node of graph.run()) {
    expect(node.name).toBe('first');
    break;
  }
  a.resolve('');
  await settle();
  expect(b.node.state).toBe('PENDING');
  b.resolve('');
  expect(namesOf(await run(graph)).sort()).toEqual(['a', 'b']);
});

describe('next()', () => {
  test('gives one that is over first, else one that can run, else null', () => {
    const { t1, t2 } = pair();
    const over = ok('over', { state: 'FAILED' });
    const graph = new TaskGraph([t2, t1, over]);
    expect(graph.next()).toBe(over);
    expect(graph.next()).toBe(t1);
    expect(graph.next()).toBeNull();
    t1.dispatch();
    expect(graph.next()).toBe(t1);
    expect(graph.next()).toBe(t2);
    expect(graph.next()).toBeNull();
  });

  test('gives null while what could run is running', async () => {
    const { node, resolve } = open('n');
    const graph = new TaskGraph([node]);
    graph.next()?.dispatch();
    expect(graph.next()).toBeNull();
    resolve('');
    await settle();
    expect(graph.next()).toBe(node);
  });

  test('is enough to run a graph by hand', async () => {
    const { t1 } = pair();
    const graph = new TaskGraph([t1], { runDependents: true });
    const done: string[] = [];
    for (let node = graph.next(); node !== null; node = graph.next()) {
      if (node.isCompleted) done.push(node.name);
      else await node.dispatch();
    }
    expect(done).toEqual(['t1', 't2']);
  });

  test('gives one no longer that requires something new', () => {
    const node = ok('n');
    const graph = new TaskGraph([node]);
    node.require(ok('new'));
    expect(graph.next()).toBeNull();
    expect(graph.blocked).toEqual([node]);
  });
});

test('over random graphs: it runs exactly what requires nothing outside, directly or not, each once and in order', async () => {
  const graphs = fc.array(fc.tuple(fc.array(fc.nat(), { maxLength: 3 }), fc.boolean()), {
    minLength: 1,
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(graphs, fc.integer({ min: 1, max: 5 }), async (specs, concurrency) => {
      const ran: TaskNode[] = [];
      const nodes: TaskNode[] = [];
      const runnable = new Set<TaskNode>();
      const given: TaskNode[] = [];
      for (const [i, [picks, isGiven]] of specs.entries()) {
        const node: TaskNode = new TaskNode(`${i}`, async () => {
          for (const required of node.requires) expect(required.state).toBe('DONE');
          ran.push(node);
          await null;
        });
        if (i > 0) for (const pick of picks) node.require(nodes[pick % i] as TaskNode);
        nodes.push(node);
        if (isGiven) given.push(node);
        if (isGiven && [...node.requires].every((required) => runnable.has(required))) runnable.add(node);
      }
      const graph = new TaskGraph(given.toReversed(), { concurrency });
      const yielded = await run(graph);
      expect(new Set(ran)).toEqual(runnable);
      expect(ran).toHaveLength(runnable.size);
      expect(new Set(yielded)).toEqual(runnable);
      expect(new Set(graph.blocked)).toEqual(new Set(given.filter((node) => !runnable.has(node))));
    }),
    { numRuns: 60 },
  );
});

test('100,000 in a chain run without a stack overflow', { timeout: 120_000 }, async () => {
  const nodes: TaskNode[] = [ok('0')];
  for (let i = 1; i < 100_000; i++) nodes.push((nodes[i - 1] as TaskNode).andThen(`${i}`, () => {}));
  expect(await run(new TaskGraph(nodes))).toHaveLength(nodes.length);
});

test.each([
  ['nodes that are none', () => new TaskGraph([5 as never]), 'Expected `nodes` to be a TaskNode'],
  ['a runDependents that is none', () => new TaskGraph([], { runDependents: 1 as never }), 'Expected `runDependents`'],
  ['a concurrency out of range', () => new TaskGraph([], { concurrency: 0 }), 'Expected `concurrency`'],
  ['options that are none', () => new TaskGraph([], 5 as never), 'Expected `options` to be an object'],
])('%s: refused', (_, make, message) => {
  expect(make).toThrow(message);
});
