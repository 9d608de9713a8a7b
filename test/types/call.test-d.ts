import { ReadableStream as NodeReadableStream } from 'node:stream/web';
import {
  AsyncQueue,
  type CallOptions,
  isNiceqError,
  type LimitRule,
  type NiceqError,
  type NiceqErrorOf,
  type QueueFullError,
  type TaskHandle,
  type TaskModule,
  TaskQueue,
  type TaskRef,
  type TaskTimeoutError,
  ThreadQueue,
  taskModule,
  transferable,
  type WorkerLostError,
} from 'niceq';
import { describe, expectTypeOf, test } from 'vitest';

interface Tasks {
  render(row: number, scale?: number): string;
  crawl(urls: readonly string[]): Promise<{ found: number }>;
  nothing(): void;
  many(...numbers: number[]): number;
  answer: 42;
  Thing: new () => object;
}

const queue = new TaskQueue();
const tasks = taskModule<Tasks>('file:///tasks.js');

describe('call() infers its result', () => {
  test('from a plain function', () => {
    expectTypeOf(queue.call((a: number, b: number) => a + b, [1, 2])).toEqualTypeOf<Promise<number>>();
    expectTypeOf(queue.call(() => 'x')).toEqualTypeOf<Promise<string>>();
    expectTypeOf(queue.call(() => {})).toEqualTypeOf<Promise<void>>();
    expectTypeOf(queue.call((): string | undefined => undefined)).toEqualTypeOf<Promise<string | undefined>>();
  });

  test('from an async function, and one that returns a thenable', () => {
    expectTypeOf(queue.call(async (a: number) => [a], [1])).toEqualTypeOf<Promise<number[]>>();
    expectTypeOf(queue.call((): PromiseLike<number> => Promise.resolve(1))).toEqualTypeOf<Promise<number>>();
    expectTypeOf(queue.call((): number | Promise<string> => 1)).toEqualTypeOf<Promise<number | string>>();
  });

  test('from a task reference', () => {
    expectTypeOf(queue.call(tasks.render, [1])).toEqualTypeOf<Promise<string>>();
    expectTypeOf(queue.call(tasks.render, [1, 2])).toEqualTypeOf<Promise<string>>();
    expectTypeOf(queue.call(tasks.crawl, [['a']])).toEqualTypeOf<Promise<{ found: number }>>();
    expectTypeOf(queue.call(tasks.nothing)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(queue.call(tasks.many, [1, 2, 3])).toEqualTypeOf<Promise<number>>();
    expectTypeOf(queue.call(tasks.many, [])).toEqualTypeOf<Promise<number>>();
  });

  test('from what is marked as transferable', () => {
    const make = () => transferable(new Uint8Array(1), []);
    expectTypeOf(queue.call(make)).resolves.toExtend<Uint8Array>();
  });

  test('from a tuple that was made before', () => {
    const args: [number, number] = [1, 2];
    const constant = [1, 2] as const;
    expectTypeOf(queue.call((a: number, b: number) => a + b, args)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(queue.call((a: number, b: number) => a + b, constant)).toEqualTypeOf<Promise<number>>();
  });

  test('from a function whose last parameter has a default value', () => {
    expectTypeOf(queue.call((a: number, b = 2) => a + b, [1])).toEqualTypeOf<Promise<number>>();
    expectTypeOf(queue.call((a: number, b = 2) => a + b, [1, 2])).toEqualTypeOf<Promise<number>>();
    expectTypeOf(queue.submit((a: number, b = 2) => a + b, [1])).toEqualTypeOf<TaskHandle<number>>();
    expectTypeOf(queue.update((a: number, b = 2) => a + b, [1])).toEqualTypeOf<Promise<number[]>>();
  });

  test('from a function that says nothing of its parameters', () => {
    expectTypeOf(queue.call((a, b) => [a, b] as const, [1, 'x'])).toEqualTypeOf<Promise<readonly [number, string]>>();
  });

  test('of a call with options and without arguments', () => {
    expectTypeOf(queue.call(() => 1, undefined, { niceness: 5 })).toEqualTypeOf<Promise<number>>();
    expectTypeOf(queue.call(tasks.nothing, undefined, {})).toEqualTypeOf<Promise<void>>();
    expectTypeOf(queue.submit(() => 1, undefined, {})).toEqualTypeOf<TaskHandle<number>>();
    expectTypeOf(queue.update(() => 1, undefined, { key: 1 })).toEqualTypeOf<Promise<number[]>>();
    const consumer = { write() {} };
    expectTypeOf(queue.call(() => 1, undefined, { consumer })).toEqualTypeOf<Promise<typeof consumer>>();
    expectTypeOf(queue.submit(() => 1, undefined, { consumer })).toEqualTypeOf<TaskHandle<typeof consumer>>();
    // @ts-expect-error all are missing
    queue.call((a: number) => a, undefined, { niceness: 5 });
  });

  test('from a stream of either make', () => {
    const global = (): ReadableStream<number> => new ReadableStream();
    const node = (): NodeReadableStream<number> => new NodeReadableStream();
    expectTypeOf(queue.call(global)).toEqualTypeOf<Promise<AsyncIterableIterator<number>>>();
    expectTypeOf(queue.call(node)).toEqualTypeOf<Promise<AsyncIterableIterator<number>>>();
  });

  test('on each kind of queue', () => {
    expectTypeOf(new AsyncQueue().call(() => 1)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(new ThreadQueue().call(tasks.render, [1])).toEqualTypeOf<Promise<string>>();
  });
});

describe('call() rejects', () => {
  test('arguments that do not fit', () => {
    // @ts-expect-error one is missing
    queue.call((a: number, b: number) => a + b, [1]);
    // @ts-expect-error all are missing
    queue.call((a: number) => a);
    // @ts-expect-error of another type
    queue.call((a: number) => a, ['1']);
    // @ts-expect-error one too many
    queue.call((a: number) => a, [1, 2]);
    // @ts-expect-error no array
    queue.call((a: number) => a, 1);
    // @ts-expect-error of another type
    queue.call(tasks.render, ['1']);
    // @ts-expect-error one is missing
    queue.call(tasks.render, []);
    // @ts-expect-error all are missing
    queue.call(tasks.render);
    // @ts-expect-error of another type
    queue.call(tasks.many, [1, '2']);
  });

  test('what can not be called', () => {
    // @ts-expect-error no function
    queue.call(5);
    // @ts-expect-error a value, not a function
    queue.call(tasks.answer);
    // @ts-expect-error a class
    queue.call(tasks.Thing);
    // @ts-expect-error there is none
    queue.call(tasks.missing);
    // @ts-expect-error a reference is no function
    tasks.render(1);
  });

  test('options that there are not, or of another type', () => {
    // @ts-expect-error of another type
    queue.call(() => 1, undefined, { niceness: '1' });
    // @ts-expect-error of another type
    queue.call(() => 1, [], { niceness: '1' });
    // @ts-expect-error of another type
    queue.call(() => 1, [], { doNext: 1 });
    // @ts-expect-error there is none
    queue.call(() => 1, [], { priority: 1 });
    // @ts-expect-error of another type
    queue.call(() => 1, [], { retry: { lost: () => true } });
    // @ts-expect-error of another type
    queue.call(() => 1, [], { signal: new AbortController() });
  });
});

test('submit() gives a handle of the same result', () => {
  expectTypeOf(queue.submit((a: number) => [a], [1])).toEqualTypeOf<TaskHandle<number[]>>();
  expectTypeOf(queue.submit(tasks.crawl, [[]])).toEqualTypeOf<TaskHandle<{ found: number }>>();
  expectTypeOf(queue.submit(tasks.crawl, [[]]).promise).toEqualTypeOf<Promise<{ found: number }>>();
  const handle = queue.submit(() => 1);
  expectTypeOf(handle.state).toEqualTypeOf<'queued' | 'running' | 'done' | 'failed' | 'cancelled'>();
  expectTypeOf(handle.startedAt).toEqualTypeOf<number | undefined>();
  expectTypeOf(handle.cancel('x')).toEqualTypeOf<boolean>();
  // @ts-expect-error handles are for reading
  handle.state = 'done';
  // @ts-expect-error of another type
  queue.submit(tasks.render, ['1']);
});

test('update() gives a list of results', () => {
  expectTypeOf(queue.update(tasks.render, [1])).toEqualTypeOf<Promise<string[]>>();
  expectTypeOf(queue.update(async (a: number) => a, [1])).toEqualTypeOf<Promise<number[]>>();
  queue.update(tasks.render, [1], { series: 's', ephemeral: true, key: {} });
  // @ts-expect-error an update has no consumer
  queue.update(tasks.render, [1], { consumer: { write() {} } });
  // @ts-expect-error nor a niceness
  queue.update(tasks.render, [1], { niceness: 1 });
});

test('taskModule() has references to functions only', () => {
  expectTypeOf<keyof TaskModule<Tasks>>().toEqualTypeOf<'render' | 'crawl' | 'nothing' | 'many'>();
  expectTypeOf(tasks.render).toEqualTypeOf<TaskRef<(row: number, scale?: number) => string>>();
  expectTypeOf(tasks.render.url).toEqualTypeOf<string>();
  // @ts-expect-error a reference is for reading
  tasks.render.url = 'x';
});

test('isNiceqError() tells the class of a code', () => {
  const error = new Error() as unknown;
  if (isNiceqError(error, 'ERR_TASK_TIMEOUT')) {
    expectTypeOf(error.code).toEqualTypeOf<'ERR_TASK_TIMEOUT'>();
    expectTypeOf(error).toExtend<TaskTimeoutError>();
    expectTypeOf(error.attempts).toEqualTypeOf<number>();
  }
  if (isNiceqError(error, 'ERR_BLOCKED')) expectTypeOf(error).toEqualTypeOf<NiceqErrorOf<'ERR_BLOCKED'>>();
  if (isNiceqError(error)) {
    expectTypeOf(error).toEqualTypeOf<NiceqError>();
    if (isNiceqError(error, 'ERR_QUEUE_FULL')) expectTypeOf(error).toExtend<QueueFullError>();
    else expectTypeOf(error).toEqualTypeOf<NiceqError>();
  }
  // @ts-expect-error there is none
  isNiceqError(error, 'ERR_OTHER');
});

test('events carry typed payloads', () => {
  queue.on('progress', (task, progress) => {
    expectTypeOf(task).toEqualTypeOf<TaskHandle>();
    expectTypeOf(progress).toEqualTypeOf<unknown>();
  });
  queue.on('stalled', (series, reason, ids) => {
    expectTypeOf(series).toEqualTypeOf<unknown>();
    expectTypeOf(reason).toEqualTypeOf<'unserved' | 'deadlock'>();
    expectTypeOf(ids).toEqualTypeOf<readonly string[]>();
  });
  queue.on('idle', (...payload) => expectTypeOf(payload).toEqualTypeOf<[]>());
  // @ts-expect-error there is none
  queue.on('finished', () => {});
});

test('options take what the page says', () => {
  const options: CallOptions[] = [
    { series: Symbol('s'), niceness: 1, on: 'mine', doNext: true, timeout: 1, weight: 2, id: 'x' },
    { retry: { lost: 1, timeout: 1, error: (_error: unknown, attempt: number) => attempt < 3, delay: (n) => n } },
    { transfer: [new ArrayBuffer(1)], signal: AbortSignal.timeout(1) },
  ];
  expectTypeOf(options).toEqualTypeOf<CallOptions[]>();
  expectTypeOf<{ rate: { count: number; interval: number } }>().toExtend<LimitRule>();
  expectTypeOf<WorkerLostError['exitCode']>().toEqualTypeOf<number | null>();
  new TaskQueue({ logger: console, retry: { lost: 0 }, maxQueued: 1, autoStart: false, timeout: 5 });
  new ThreadQueue({ threads: { min: 1, max: 2, idleTimeout: 5 }, worker: { concurrency: 2, name: 'x' } });
  queue.limit(null);
  queue.limitSeries('s', { concurrency: 1 });
});
