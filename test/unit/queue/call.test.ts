import { Writable } from 'node:stream';
import { type CallOptions, TaskQueue, type TaskQueueOptions, taskModule } from 'niceq';
import { describe, expect, test, vi } from 'vitest';
import { errorOf, manual, nothing, queueOf, settled } from './helpers.js';

type Wrong = readonly [value: unknown, type: typeof TypeError | typeof RangeError];

const noNumbers: Wrong[] = [null, '5', true, {}, [], 5n, Symbol('5')].map((value) => [value, TypeError]);
const noObjects: Wrong[] = [null, 'x', 5, true, [], nothing].map((value) => [value, TypeError]);
const outOfRange = (...values: number[]): Wrong[] => values.map((value) => [value, RangeError]);

const wrongOptions: Record<string, Wrong[]> = {
  niceness: [...noNumbers, ...outOfRange(-21, 21, 0.5, Number.NaN, Number.POSITIVE_INFINITY)],
  on: [null, 5, true, {}, ['thread']].map((value) => [value, TypeError]),
  doNext: [null, 0, 1, 'true', {}].map((value) => [value, TypeError]),
  doLast: [null, 0, 1, 'true', {}].map((value) => [value, TypeError]),
  timeout: [...noNumbers, ...outOfRange(0, -1, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 31)],
  retry: noObjects.filter(([value]) => value !== nothing),
  signal: [null, 5, {}, new AbortController(), new EventTarget()].map((value) => [value, TypeError]),
  transfer: [null, 5, {}, new ArrayBuffer(1), new Set()].map((value) => [value, TypeError]),
  weight: [...noNumbers, ...outOfRange(0, -1, 0.0009, 1000.1, Number.NaN, Number.POSITIVE_INFINITY)],
  id: [null, 5, true, {}, []].map((value) => [value, TypeError]),
};

const wrongRetries: Record<string, Wrong[]> = {
  lost: [...noNumbers, ...outOfRange(-1, 0.5, Number.NaN), [nothing, TypeError]],
  timeout: [...noNumbers, ...outOfRange(-1, 0.5, Number.NaN), [nothing, TypeError]],
  error: [...noNumbers, ...outOfRange(-1, 0.5, Number.NaN)],
  delay: [...noNumbers, ...outOfRange(-1, Number.NaN, Number.POSITIVE_INFINITY)],
};

/** The call throws, and its error names the option, the value and what is allowed. */
function expectRefusal(act: () => unknown, name: string, [value, type]: Wrong): void {
  let error: unknown;
  try {
    act();
  } catch (thrown) {
    error = thrown;
  }
  expect(error, `${name}: ${String(value)}`).toBeInstanceOf(type);
  expect((error as Error).message).toContain(`\`${name}\``);
  expect((error as Error).message).toMatch(/Expected .* to be .*, got /);
}

describe('submit() refuses', () => {
  for (const [name, wrongs] of Object.entries(wrongOptions)) {
    test(`every \`${name}\` that is none`, () => {
      const queue = queueOf([]);
      for (const wrong of wrongs) {
        expectRefusal(() => queue.submit(nothing, [], { [name]: wrong[0] } as CallOptions), name, wrong);
      }
      expect(queue.size).toBe(0);
    });
  }

  for (const [name, wrongs] of Object.entries(wrongRetries)) {
    test(`every \`retry.${name}\` that is none`, () => {
      const queue = queueOf([]);
      for (const wrong of wrongs) {
        const options = { retry: { [name]: wrong[0] } } as CallOptions;
        expectRefusal(() => queue.submit(nothing, [], options), `retry.${name}`, wrong);
      }
    });
  }

  test('what is neither a function nor a task reference', () => {
    const queue = queueOf([]);
    const values = [undefined, null, 5, 'fn', {}, { url: 'file:///x.js' }, { name: 'x' }, { url: 1, name: 'x' }, []];
    for (const value of values) {
      expectRefusal(() => queue.submit(value as () => void), 'fn', [value, TypeError]);
    }
  });

  test('arguments that are no array', () => {
    const queue = queueOf([]);
    for (const value of [null, 5, 'abc', {}, new Set([1]), nothing, new Uint8Array(1)]) {
      expectRefusal(() => queue.submit(nothing, value as []), 'args', [value, TypeError]);
    }
  });

  test('options that are no object', () => {
    const queue = queueOf([]);
    for (const wrong of noObjects) {
      expectRefusal(() => queue.submit(nothing, [], wrong[0] as CallOptions), 'options', wrong);
    }
  });

  test('doNext together with doLast', () => {
    const queue = queueOf([]);
    expect(() => queue.submit(nothing, [], { doNext: true, doLast: true })).toThrow(TypeError);
    expect(() => queue.submit(nothing, [], { doNext: true, doLast: true })).toThrow(/doNext.*doLast/);
    expect(() => queue.submit(nothing, [], { doNext: true, doLast: false })).not.toThrow();
    expect(() => queue.submit(nothing, [], { doNext: false, doLast: false })).not.toThrow();
  });

  test('a function for another machine', () => {
    const queue = queueOf([]);
    expect(() => queue.submit(nothing, [], { on: 'remote' })).toThrow(
      expect.objectContaining({ code: 'ERR_NOT_PORTABLE' }),
    );
  });

  test('a function without a source for a thread or process, before anything is sent', () => {
    const queue = queueOf([]);
    for (const on of ['thread', 'process']) {
      expect(() => queue.submit(Math.max, [], { on })).toThrow(expect.objectContaining({ code: 'ERR_NOT_PORTABLE' }));
    }
    expect(() => queue.submit(Math.max, [], { on: 'async' })).not.toThrow();
  });
});

test('call() never throws: what is wrong rejects its promise', async () => {
  const queue = queueOf([]);
  expect(await errorOf(queue.call(5 as unknown as () => void))).toBeInstanceOf(TypeError);
  expect(await errorOf(queue.call(nothing, {} as []))).toBeInstanceOf(TypeError);
  expect(await errorOf(queue.call(nothing, [], { niceness: 21 }))).toBeInstanceOf(RangeError);
  expect(await errorOf(queue.call(nothing, [], null as unknown as CallOptions))).toBeInstanceOf(TypeError);
});

test('bounds themselves are allowed', () => {
  const queue = queueOf([]);
  const options: CallOptions[] = [
    { niceness: -20 },
    { niceness: 20 },
    { niceness: -0 },
    { timeout: 0.001 },
    { timeout: 2 ** 31 - 1 },
    { timeout: Number.POSITIVE_INFINITY },
    { weight: 0.001 },
    { weight: 1000 },
    { retry: {} },
    { retry: { lost: 0, timeout: 0, error: 0, delay: 0 } },
    { retry: { lost: Number.POSITIVE_INFINITY, error: () => true, delay: () => 1 } },
    { id: '' },
    { transfer: [] },
  ];
  for (const one of options) expect(() => queue.submit(nothing, [], one)).not.toThrow();
});

test('what is undefined among the options is not there', () => {
  const queue = queueOf([]);
  const names = [
    'series',
    'niceness',
    'on',
    'doNext',
    'doLast',
    'timeout',
    'retry',
    'signal',
    'transfer',
    'weight',
    'id',
  ];
  const options = Object.fromEntries(names.map((name) => [name, undefined]));
  const handle = queue.submit(nothing, [], options as CallOptions);
  expect(handle).toMatchObject({ series: undefined, niceness: 0, state: 'queued' });
  expect(handle.id).toBeTypeOf('string');
});

describe('new TaskQueue() refuses', () => {
  const wrong: Record<string, Wrong[]> = {
    timeout: wrongOptions.timeout as Wrong[],
    retry: wrongOptions.retry as Wrong[],
    maxQueued: [...noNumbers, ...outOfRange(0, -1, 0.5, Number.NaN)],
    autoStart: [null, 0, 'false', {}].map((value) => [value, TypeError]),
    workers: [null, 5, {}, 'async', new Set()].map((value) => [value, TypeError]),
  };
  for (const [name, wrongs] of Object.entries(wrong)) {
    test(`every \`${name}\` that is none`, () => {
      for (const one of wrongs) {
        expectRefusal(() => new TaskQueue({ [name]: one[0] } as TaskQueueOptions), name, one);
      }
    });
  }

  test('a logger that lacks a method', () => {
    const { debug, info, warn } = console;
    expect(() => new TaskQueue({ logger: { debug, info, warn } as Console })).toThrow('`logger.error`');
  });

  test('workers that are none', () => {
    expect(() => new TaskQueue({ workers: [{}] as never })).toThrow('`worker.kind`');
  });

  test('options that are no object', () => {
    for (const value of [null, 5, 'x', []]) expect(() => new TaskQueue(value as never)).toThrow(TypeError);
  });
});

test('no task starts inside call(), but in the same turn', async () => {
  const { queue } = await manual({ concurrency: 2 });
  const handle = queue.submit(nothing);
  expect(handle.state).toBe('queued');
  await Promise.resolve();
  expect(handle.state).toBe('running');
});

test('what is called in one go competes by its priority, not by its order', async () => {
  const { queue, worker } = await manual();
  queue.submit(nothing, [], { id: 'a0', series: 'a' });
  queue.submit(nothing, [], { id: 'b0', series: 'b' });
  queue.submit(nothing, [], { id: '+10', series: 'x', niceness: 10 });
  queue.submit(nothing, [], { id: '-10', series: 'y', niceness: -10 });
  queue.submit(nothing, [], { id: 'last', doLast: true });
  queue.submit(nothing, [], { id: 'c0', series: 'c' });
  queue.submit(nothing, [], { id: 'next', doNext: true });
  queue.submit(nothing, [], { id: '-20', series: 'z', niceness: -20 });
  for (let i = 0; i < 8; i++) {
    await settled();
    worker.done();
  }
  expect(worker.given).toHaveLength(8);
  expect(worker.given[0]).toBe('next');
  expect(worker.given[7]).toBe('last');
  expect(new Set(worker.given).size).toBe(8);
});

test('a worker gets the very array of arguments, and the options of the call', async () => {
  const { queue, worker } = await manual();
  const args = [{ a: 1 }, 2] as const;
  const series = { any: 'object' };
  queue.submit((_a: object, _b: number) => {}, args, { series, id: 'label' });
  await settled();
  const { id, attempt, series: given, args: received, signal, transfer, isUpdate } = worker.find();
  expect({ id, attempt, given, transfer, isUpdate }).toEqual({
    id: 'label',
    attempt: 1,
    given: series,
    transfer: [],
    isUpdate: false,
  });
  expect(given).toBe(series);
  expect(received[0]).toBe(args[0]);
  expect(signal.aborted).toBe(false);
});

test('a call that is refused aborts its consumer, though not before it has returned', async () => {
  const full = queueOf([], { maxQueued: 1 });
  full.submit(nothing);
  const closed = queueOf([]);
  void closed.shutdown();
  const aborted = AbortSignal.abort(new Error('too late'));
  for (const [queue, options] of [
    [queueOf([]), { signal: aborted }],
    [closed, {}],
    [full, {}],
  ] as const) {
    const abort = vi.fn();
    const stream = new Writable({ write: nothing });
    const handle = queue.submit(nothing, [], { ...options, consumer: { write: nothing, abort } });
    const streamed = queue.submit(nothing, [], { ...options, consumer: stream });
    expect(abort).not.toHaveBeenCalled();
    stream.on('error', nothing);
    const error = await errorOf(handle.promise);
    expect(await errorOf(streamed.promise)).toMatchObject({ message: error.message });
    await settled();
    expect([abort.mock.calls, stream.destroyed]).toEqual([[[error]], true]);
  }
});

test('ids that were not given differ', () => {
  const queue = queueOf([]);
  const ids = Array.from({ length: 100 }, () => queue.submit(nothing).id);
  expect(new Set(ids).size).toBe(100);
});

describe('taskModule()', () => {
  test('makes references that are plain data, the same each time', () => {
    const tasks = taskModule<{ render(row: number): string }>('file:///render.js');
    expect({ ...tasks.render }).toEqual({ url: 'file:///render.js', name: 'render' });
    expect(tasks.render).toBe(tasks.render);
    expect(tasks.render).toBeTypeOf('object');
    expect(structuredClone({ ...tasks.render })).toEqual({ url: 'file:///render.js', name: 'render' });
  });

  test('takes a URL object, and nothing that is no absolute URL', () => {
    const { f } = taskModule<{ f(): void }>(new URL('file:///a/b.js'));
    expect(f.url).toBe('file:///a/b.js');
    for (const value of ['./tasks.js', '/a/b.js', '', null, undefined, 5, {}]) {
      expect(() => taskModule(value as string)).toThrow(TypeError);
    }
  });
});
