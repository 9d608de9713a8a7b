import { TaskQueue, type TaskRef, taskModule } from 'niceq';
import { describe, expectTypeOf, test } from 'vitest';

interface Tasks {
  double(n: number): number;
  label(n: number, index: number): Promise<string>;
  scale(n: number, index: number, factor?: number): number;
  upper(text: string): string;
  items(n: number): Generator<boolean>;
}

const queue = new TaskQueue();
const tasks = taskModule<Tasks>('file:///tasks.js');

async function* later() {
  yield 1;
}

describe('map() knows what the function is given', () => {
  test('although it says nothing of it', () => {
    expectTypeOf(queue.map([1, 2], (n) => n * 2)).toEqualTypeOf<AsyncIterableIterator<number>>();
    expectTypeOf(queue.map([1, 2], (n, i) => `${n.toFixed()}${i.toFixed()}`)).toEqualTypeOf<
      AsyncIterableIterator<string>
    >();
    expectTypeOf(queue.map([1, 2], () => true)).toEqualTypeOf<AsyncIterableIterator<boolean>>();
  });

  test('of every sort of input', () => {
    expectTypeOf(queue.map(new Set(['a']), (s) => s.length)).toEqualTypeOf<AsyncIterableIterator<number>>();
    expectTypeOf(queue.map('abc', (s) => s.length)).toEqualTypeOf<AsyncIterableIterator<number>>();
    expectTypeOf(queue.map(later(), (n) => [n])).toEqualTypeOf<AsyncIterableIterator<number[]>>();
    expectTypeOf(queue.map([Promise.resolve(1)], (n) => n.toFixed())).toEqualTypeOf<AsyncIterableIterator<string>>();
  });
});

describe('map() infers its results', () => {
  test('from a function that says what it takes', () => {
    expectTypeOf(queue.map([1], (n: number) => n * 2)).toEqualTypeOf<AsyncIterableIterator<number>>();
    expectTypeOf(queue.map([1], async (n: number, i: number) => [n, i])).toEqualTypeOf<
      AsyncIterableIterator<number[]>
    >();
  });

  test('from a task reference', () => {
    expectTypeOf(queue.map([1], tasks.double)).toEqualTypeOf<AsyncIterableIterator<number>>();
    expectTypeOf(queue.map([1], tasks.label)).toEqualTypeOf<AsyncIterableIterator<string>>();
    expectTypeOf(queue.map([1], tasks.scale)).toEqualTypeOf<AsyncIterableIterator<number>>();
    expectTypeOf(queue.map(later(), tasks.items)).toEqualTypeOf<
      AsyncIterableIterator<AsyncIterableIterator<boolean>>
    >();
    const either = tasks.double as TaskRef<(n: number) => number> | ((n: number) => number);
    expectTypeOf(queue.map([1], either)).toEqualTypeOf<AsyncIterableIterator<number>>();
  });
});

test('map() refuses a function that takes something else', () => {
  // @ts-expect-error of another type
  queue.map([1], (text: string) => text);
  // @ts-expect-error one parameter too many
  queue.map([1], (n: number, i: number, factor: number) => n * i * factor);
  // @ts-expect-error of another type
  queue.map([1], tasks.upper);
  // @ts-expect-error the items of an async input are no promises
  queue.map(later(), (n) => n.then());
  // @ts-expect-error no input
  queue.map(5, (n) => n);
});
