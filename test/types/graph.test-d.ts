import { ThreadQueue, taskModule } from 'niceq';
import { type Callable, make, makeNow, type NodeContext, type Results, TaskGraph, TaskNode } from 'niceq/graph';
import { assertType, expectTypeOf, test } from 'vitest';

interface Tasks {
  double(n: number): number;
  read(path: string, size?: number): Promise<Uint8Array>;
  version: string;
}

const tasks = taskModule<Tasks>('file:///tasks.js');

test('the result of a node is what its function comes to', () => {
  expectTypeOf(new TaskNode('a', () => 1).result).toEqualTypeOf<Promise<number>>();
  expectTypeOf(new TaskNode('a', async () => 'x').result).toEqualTypeOf<Promise<string>>();
  expectTypeOf(new TaskNode(() => null).result).toEqualTypeOf<Promise<null>>();
  expectTypeOf(new TaskNode(tasks.double, { args: [1] }).result).toEqualTypeOf<Promise<number>>();
  expectTypeOf(new TaskNode('b', tasks.read, { args: ['x'] }).result).toEqualTypeOf<Promise<Uint8Array>>();
  expectTypeOf(new TaskNode('a', () => 1).dispatch()).toEqualTypeOf<Promise<number>>();
});

test('the results of other nodes are typed by node', () => {
  const size = new TaskNode('size', async () => 1);
  const name = size.andThen('name', ({ results }) => `${results.get(size).toFixed()}`);
  expectTypeOf(name).toEqualTypeOf<TaskNode<string>>();
  name.andThen(({ results, node, signal }) => {
    expectTypeOf(results).toEqualTypeOf<Results>();
    expectTypeOf(results.get(name)).toEqualTypeOf<string>();
    expectTypeOf(results.get(size)).toEqualTypeOf<number>();
    expectTypeOf(node).toEqualTypeOf<TaskNode>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
  });
});

test('args are those of the function', () => {
  const n = new TaskNode('n', () => 1);
  n.andThen(tasks.double, { args: ({ results }) => [results.get(n)] });
  n.andThen('read', tasks.read, { args: ['path', 10] });
  n.andThen('sum', (_: NodeContext, a: number, b: number) => a + b, { args: [1, 2] });
  // @ts-expect-error it takes a number
  n.andThen(tasks.double, { args: ['1'] });
  // @ts-expect-error a path is missing
  n.andThen(tasks.read, { args: [] });
  // @ts-expect-error no function
  n.andThen(tasks.version);
});

test('options see the result', () => {
  new TaskNode('a', async () => 1, {
    cancelOnResult: (value) => {
      expectTypeOf(value).toEqualTypeOf<number>();
      return value === 0;
    },
  });
});

test('andThen returns the node it is given, as what it is', () => {
  const a = new TaskNode('a', () => 1);
  const b = new TaskNode('b', () => 'x');
  expectTypeOf(a.andThen(b)).toEqualTypeOf(b);
  expectTypeOf(a.require(b)).toEqualTypeOf(a);
});

test('make yields nodes as what they are', async () => {
  const [a, b] = [new TaskNode('a', () => 1), new TaskNode('b', () => 'x')];
  expectTypeOf(await makeNow([a])).toEqualTypeOf([a]);
  for await (const node of make([a, b])) assertType<TaskNode<number> | TaskNode<string>>(node);
  for await (const node of new TaskGraph([a], { queue: new ThreadQueue() }).run()) expectTypeOf(node).toEqualTypeOf(a);
  // @ts-expect-error no node
  make([1]);
});

test('listeners get the transition and the node', () => {
  new TaskNode('a', () => 1).on('DONE', (transition, node) => {
    expectTypeOf(transition.at).toEqualTypeOf<number>();
    expectTypeOf(node).toEqualTypeOf<TaskNode>();
  });
  // @ts-expect-error there is no such state
  new TaskNode('a', () => 1).on('IDLE', () => {});
});

test('Callable is what a node is made of', () => {
  const make = (callable: Callable<[], number>) => new TaskNode('made', callable);
  expectTypeOf(make(() => 1)).toEqualTypeOf<TaskNode<number>>();
});
