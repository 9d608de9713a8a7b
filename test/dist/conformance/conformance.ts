import { getEventListeners } from 'node:events';
import {
  AsyncWorker,
  type IWorker,
  isNiceqError,
  type TaskHandle,
  TaskQueue,
  type TaskQueueOptions,
  taskModule,
} from 'niceq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Gate } from './gate.js';

export const tasks = taskModule<typeof import('./tasks.js')>(new URL('./tasks.js', import.meta.url));

export interface WorkerOptions {
  concurrency?: number;
  series?: readonly unknown[];
}

export interface Kind {
  readonly kind: string;
  /** Where its tasks run: beside the caller, or with a memory of their own, so that everything is copied. */
  readonly home: 'main thread' | 'thread' | 'process' | 'server';
  /** Whether it finds out itself what is wrong with a task module. */
  readonly loadsModules: boolean;
}

export interface Bench {
  readonly gate: Gate;
  /** A queue that is crashed after the test. */
  queueOf(workers: readonly IWorker[], options?: TaskQueueOptions): TaskQueue;
}

/** What tests of workers need, for each test anew. */
export function makeBench(): Bench {
  const queues: TaskQueue[] = [];
  let gate: Gate;
  beforeEach(async () => {
    gate = await Gate.create();
  });
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.shutdown({ mode: 'crash' })));
    gate.close();
  });
  return {
    get gate() {
      return gate;
    },
    queueOf(workers, options) {
      const queue = new TaskQueue({ ...options, workers });
      queues.push(queue);
      return queue;
    },
  };
}

/** What the promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`Expected a rejection, got ${String(outcome.value)}`);
  return outcome.error as Error & Record<string, unknown>;
}

/** Resolves when the queue has heard that the task runs, which may be later than a gate has. */
async function begun(queue: TaskQueue, handle: TaskHandle | undefined): Promise<void> {
  while (handle?.state === 'queued') await new Promise((resolve) => queue.once('started', resolve));
}

/** What every kind of worker has to do alike, whatever it runs tasks on. */
export function conformance(makeWorker: (options?: WorkerOptions) => IWorker, { kind, home, loadsModules }: Kind) {
  const isSeparate = home !== 'main thread';
  const isRemote = home === 'server';
  const bench = makeBench();
  const queueOf = bench.queueOf;
  const oneWorker = (options?: TaskQueueOptions) => queueOf([makeWorker()], options);

  /** One queue with one worker for all tests around, which must leave it as good as it was. */
  function sharedWorker(): () => TaskQueue {
    let queue: TaskQueue;
    beforeAll(() => {
      queue = new TaskQueue({ workers: [makeWorker()] });
    });
    afterAll(async () => {
      await queue.shutdown({ mode: 'crash' });
    });
    return () => queue;
  }

  describe('runs tasks', () => {
    test.skipIf(isRemote)('one plain function', async () => {
      expect(await oneWorker().call((n: number) => n * 2, [15])).toBe(30);
    });

    test.runIf(isRemote)('no plain function, and says so', async () => {
      const queue = oneWorker();
      const double = (n: number) => n * 2;
      const forOthers = queue.submit(double, [15]);
      const error = await errorOf(queue.call(double, [15], { on: 'remote' }));
      expect(isNiceqError(error, 'ERR_NOT_PORTABLE')).toBe(true);
      expect(error.message).toMatch(/`double`.*task module/);
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
      expect(forOthers.state).toBe('queued');
      await queue.attachWorker(new AsyncWorker());
      expect(await forOthers.promise).toBe(30);
    });

    test.skipIf(isRemote)('an async function, and one that returns a thenable', async () => {
      const queue = oneWorker();
      expect(await queue.call(async (n: number) => n * 2, [15])).toBe(30);
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what the test is about.
      const thenable = () => ({ then: (resolve: (n: number) => void) => resolve(7) }) as PromiseLike<number>;
      expect(await queue.call(thenable)).toBe(7);
    });

    test.skipIf(isRemote)(
      'functions in the form of a method, a function expression and a generator-free arrow',
      async () => {
        const queue = oneWorker();
        const object = {
          double(n: number) {
            return n * 2;
          },
          async later(n: number) {
            return n * 3;
          },
          'with spaces'(n: number) {
            return n * 4;
          },
        };
        expect(await queue.call(object.double, [1])).toBe(2);
        expect(await queue.call(object.later, [1])).toBe(3);
        expect(await queue.call(object['with spaces'], [1])).toBe(4);
        const named = function fac(n: number): number {
          return n < 2 ? 1 : n * fac(n - 1);
        };
        expect(await queue.call(named, [5])).toBe(120);
      },
    );

    test('an export of a task module, sync and async', async () => {
      const queue = oneWorker();
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
      expect(await queue.call(tasks.addLater, [1, 2])).toBe(3);
    });

    test('a task reference that was copied on its way', async () => {
      expect(await oneWorker().call(structuredClone({ ...tasks.add }), [1, 2])).toBe(3);
    });

    test('many, in the order of their calls', async () => {
      const queue = oneWorker();
      const numbers = Array.from({ length: 200 }, (_, i) => i);
      await queue.call(tasks.recorded);
      await Promise.all(numbers.map((i) => queue.call(tasks.record, [i])));
      expect(await queue.call(tasks.recorded)).toEqual(numbers);
    });

    test('a thousand on three workers, with the right sum', async () => {
      const queue = queueOf([makeWorker(), makeWorker(), makeWorker()]);
      const results = await Promise.all(Array.from({ length: 1000 }, (_, i) => queue.call(tasks.add, [i, 1])));
      expect(results.reduce((sum, n) => sum + n)).toBe(500_500);
    });

    test('as many at a time as its concurrency says, and no more', async () => {
      const { gate } = bench;
      const queue = queueOf([makeWorker({ concurrency: 2 })]);
      const handles = ['a', 'b', 'c'].map((name) => queue.submit(tasks.pass, [gate.port, name]));
      await Promise.all([gate.arrival('a'), gate.arrival('b')]);
      await Promise.all([begun(queue, handles[0]), begun(queue, handles[1])]);
      expect(handles.map(({ state }) => state)).toEqual(['running', 'running', 'queued']);
      expect([queue.pending, queue.size]).toEqual([2, 1]);
      expect(gate.hasSeen('c')).toBe(false);
      gate.open('b');
      await gate.arrival('c');
      await begun(queue, handles[2]);
      expect(handles.map(({ state }) => state)).toEqual(['running', 'done', 'running']);
      gate.open('a');
      gate.open('c');
      expect(await Promise.all(handles.map(({ promise }) => promise))).toEqual(['a', 'b', 'c']);
    });

    test('only of the series it serves', async () => {
      const queue = queueOf([makeWorker({ series: ['mine'] })]);
      const others = queue.submit(tasks.add, [1, 2], { series: 'theirs' });
      const ofDefault = queue.submit(tasks.add, [1, 2]);
      expect(await queue.call(tasks.add, [1, 2], { series: 'mine' })).toBe(3);
      expect([others.state, ofDefault.state]).toEqual(['queued', 'queued']);
      await queue.qualifyWorker(1, undefined);
      expect(await ofDefault.promise).toBe(3);
      expect(others.state).toBe('queued');
    });

    test('only those that are for its kind', async () => {
      const queue = oneWorker();
      const others = queue.submit(tasks.add, [1, 2], { on: kind === 'thread' ? 'process' : 'thread' });
      expect(await queue.call(tasks.add, [1, 2], { on: kind })).toBe(3);
      const local = queue.submit(tasks.add, [1, 2], { on: 'local' });
      if (!isRemote) expect(await local.promise).toBe(3);
      expect([others.state, local.state]).toEqual(['queued', isRemote ? 'queued' : 'done']);
    });

    test('with times that follow each other', async () => {
      const handle = oneWorker().submit(tasks.sleep, [2]);
      await handle.promise;
      const { queuedAt, startedAt, endedAt, attempts, workerId } = handle;
      if (startedAt === undefined || endedAt === undefined) throw new Error('It has no times');
      expect(queuedAt).toBeLessThanOrEqual(startedAt);
      expect(startedAt).toBeLessThan(endedAt);
      expect([attempts, workerId]).toEqual([1, 1]);
    });
  });

  describe('keeps values as they are', () => {
    const oneWorker = sharedWorker();
    const values: Record<string, unknown> = {
      undefined: undefined,
      null: null,
      'minus zero': -0,
      NaN: Number.NaN,
      infinity: Number.POSITIVE_INFINITY,
      BigInt: 2n ** 70n,
      'an empty string': '',
      'a string beyond the BMP': 'a\u0000b\u{1F600}',
      'a Date': new Date(86_400_000),
      'an invalid Date': new Date(Number.NaN),
      'a RegExp': /a(b)+/giu,
      'a Map': new Map<unknown, unknown>([
        ['a', new Map([[1, new Set([undefined])]])],
        [{ key: true }, Number.NaN],
      ]),
      'a Set': new Set<unknown>([1, '1', 1n]),
      'a Uint8Array': new Uint8Array([1, 2, 255]),
      'a Float64Array': new Float64Array([-0, 0.5, Number.NaN]),
      'a BigInt64Array': new BigInt64Array([-1n, 2n ** 40n]),
      'part of an ArrayBuffer': new Uint16Array([1, 2, 3, 4]).subarray(1, 3),
      'an ArrayBuffer': new Uint8Array([1, 2, 3]).buffer,
      'an array with holes and an undefined': [1, undefined, null, [[]]],
      'an object with an undefined': { a: undefined, b: { c: [{ d: new Date(0) }] } },
    };
    for (const [what, value] of Object.entries(values)) {
      test(`${what}, there and back`, async () => {
        expect(await oneWorker().call(tasks.echo, [value, [value], { value }])).toStrictEqual([
          value,
          [value],
          { value },
        ]);
      });
    }

    test('something large, there and back', async () => {
      const large = Buffer.alloc(10_000_000, 'niceq');
      const back = (await oneWorker().call(tasks.echoOne, [new Uint8Array(large)])) as Uint8Array;
      expect(Buffer.compare(back, large)).toBe(0);
    });

    test('errors as values, there and back', async () => {
      const error = new RangeError('a value', { cause: new Error('its cause') });
      const back = (await oneWorker().call(tasks.echoOne, [error])) as Error;
      expect(back).toBeInstanceOf(RangeError);
      expect(back.message).toBe('a value');
      expect(back.stack).toBe(error.stack);
    });

    test('an object that contains itself', async () => {
      const round: { self?: unknown; n: number } = { n: 1 };
      round.self = round;
      const back = (await oneWorker().call(tasks.echoOne, [round])) as typeof round;
      expect(back.n).toBe(1);
      expect(back.self).toBe(back);
    });

    test(isSeparate ? 'as copies' : 'as the very same objects', async () => {
      const object = { n: 1 };
      const back = await oneWorker().call(tasks.echoOne, [object]);
      expect(back).toStrictEqual(object);
      expect(back === object).toBe(!isSeparate);
    });

    // What is said in one turn travels together, and is copied only then.
    describe.runIf(isSeparate)('as they were when they were said', () => {
      const counters = {
        'a flat object': { n: 0 },
        'a nested object': { n: 0, inner: { list: [1] } },
        'a Map': new Map([['n', 0]]),
      };

      test.each(Object.entries(counters))(
        '%s that is passed to several tasks, each of which changes it',
        async (_, counter) => {
          const queue = oneWorker();
          const counts = await Promise.all(Array.from({ length: 5 }, () => queue.call(tasks.countIn, [counter])));
          expect(counts).toEqual([1, 1, 1, 1, 1]);
        },
      );

      test.each(Object.entries(counters))('%s that the next task changes', async (_, counter) => {
        const queue = oneWorker();
        await queue.call(tasks.keepCounter, [counter]);
        const results = await Promise.all(Array.from({ length: 5 }, () => queue.call(tasks.countKept)));
        expect(results.map((result) => (result instanceof Map ? result.get('n') : result.n))).toEqual([1, 2, 3, 4, 5]);
        expect(new Set(results).size).toBe(5);
      });

      test.each(Object.entries(counters))('%s that is reported again and again', async (_, counter) => {
        const handle = oneWorker().submit(tasks.reportCounter, [counter, 3]);
        const heard: unknown[] = [];
        handle.onProgress((progress) =>
          heard.push(progress instanceof Map ? progress.get('n') : (progress as { n: number }).n),
        );
        await handle.promise;
        expect(heard).toEqual([1, 2, 3]);
      });

      test.each(Object.entries(counters))('%s that is yielded again and again', async (_, counter) => {
        const seen: unknown[] = [];
        for await (const item of await oneWorker().call(tasks.yieldCounter, [counter, 5])) {
          seen.push(item instanceof Map ? item.get('n') : item.n);
        }
        expect(seen).toEqual([1, 2, 3, 4, 5]);
      });
    });
  });

  describe('hands over', () => {
    test('what is named in `transfer`', async () => {
      const queue = oneWorker();
      const buffer = new ArrayBuffer(1000);
      expect(await queue.call(tasks.lengthOf, [buffer], { transfer: [buffer] })).toBe(1000);
      expect(buffer.byteLength).toBe(home === 'thread' ? 0 : 1000);
    });

    test('what a task marks as transferable', async () => {
      const queue = oneWorker();
      const { buffer } = await queue.call(tasks.handOver, [1000]);
      expect(buffer.byteLength).toBe(1000);
      expect(await queue.call(tasks.lengthLeft)).toBe(home === 'thread' || isRemote ? 0 : 1000);
    });

    test.runIf(isSeparate)('no part of a result, and says what to mark instead', async () => {
      const error = await errorOf(oneWorker().call(tasks.handOverPart));
      expect(isNiceqError(error, 'ERR_NOT_PORTABLE')).toBe(true);
      expect(error.message).toMatch(/\.rows\[0\]\.pixels.*`transferable\(result, list\)`/);
    });
  });

  describe('tells the whole error', () => {
    const oneWorker = sharedWorker();
    test.each(['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'])(
      'of the built-in class %s',
      async (name) => {
        const error = await errorOf(oneWorker().call(tasks.throwBuiltIn, [name, 'as thrown']));
        expect(error.constructor.name).toBe(name);
        expect(error).toBeInstanceOf(Reflect.get(globalThis, name));
        expect(error.name).toBe(name);
        expect(error.message).toBe('as thrown');
        expect(error.stack).toContain('throwBuiltIn');
      },
    );

    test('of an async task', async () => {
      const error = await errorOf(oneWorker().call(tasks.rejectLater, ['later']));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toBe('later');
    });

    test('that is a DOMException', async () => {
      const error = await errorOf(oneWorker().call(tasks.throwDomException));
      expect(error).toBeInstanceOf(DOMException);
      expect([error.name, error.message, error.code]).toEqual(['AbortError', 'no longer wanted', 20]);
    });

    test('of a class of its own, with its properties', async () => {
      const error = await errorOf(oneWorker().call(tasks.throwCustom));
      expect(error).toBeInstanceOf(RangeError);
      expect([error.name, error.message, error.status]).toEqual(['TeapotError', 'short and stout', 418]);
      expect(error.brewed).toStrictEqual(new Map([['tea', 1n]]));
      expect(error.errors).toStrictEqual({ spout: 'too short' });
      expect(error.stack).toContain('throwCustom');
    });

    test('with its chain of causes', async () => {
      const error = await errorOf(oneWorker().call(tasks.throwChain));
      const middle = error.cause as Error & { status: number };
      expect(error.message).toBe('the top');
      expect([middle.name, middle.message, middle.status]).toEqual(['TeapotError', 'the middle', 418]);
      expect(middle.cause).toBeInstanceOf(TypeError);
      expect((middle.cause as Error).message).toBe('the root');
    });

    test('whose cause is itself', async () => {
      const error = await errorOf(oneWorker().call(tasks.throwCycle));
      expect(error.message).toBe('round');
      expect(error.cause).toBe(error);
    });

    test('that leads back to itself through its properties', async () => {
      const queue = oneWorker();
      const error = await errorOf(queue.call(tasks.throwContext));
      const { error: inner } = error.context as { error: Error };
      expect([error.message, inner.message]).toEqual(['in its own context', 'in its own context']);
      expect(inner).toBeInstanceOf(RangeError);
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test('whose causes are more than anybody reads, and is not run again for that', async () => {
      const handle = oneWorker().submit(tasks.throwDeep, [20_000]);
      const error = await errorOf(handle.promise);
      expect([error.message, (error.cause as Error).message, handle.attempts]).toEqual(['19999', '19998', 1]);
    });

    test('that is an AggregateError', async () => {
      const error = await errorOf(oneWorker().call(tasks.throwAggregate));
      expect(error).toBeInstanceOf(AggregateError);
      const errors = error.errors as [TypeError, Error & { status: number }, string];
      expect(errors[0]).toBeInstanceOf(TypeError);
      expect([errors[1].name, errors[1].status]).toEqual(['TeapotError', 418]);
      expect(errors[2]).toBe('three');
    });

    test('without the property that can not be copied', async () => {
      const error = await errorOf(oneWorker().call(tasks.throwUncloneableProperty));
      expect([error.message, error.code]).toEqual(['with a function', 'E_KEPT']);
      expect('callback' in error).toBe(!isSeparate);
    });

    test.each([[undefined], [null], [0], ['a string'], [{ status: 404 }], [new Map([[1, 2]])]])(
      'that is no error but %s',
      async (value) => {
        expect(await errorOf(oneWorker().call(tasks.throwValue, [value]))).toStrictEqual(value);
      },
    );

    test('that can not be copied at all', async () => {
      const error = await errorOf(oneWorker().call(tasks.throwUncloneableValue));
      if (isSeparate) expect(error.message).toContain('=> 1');
      else expect(error).toBeTypeOf('function');
    });

    test('and is still good', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const outcomes = await Promise.allSettled([
        queue.call(tasks.throwCustom),
        queue.call(tasks.pass, [gate.port, 'a'], { signal: AbortSignal.abort() }),
        queue.call(tasks.rejectLater, ['x']),
        queue.call(tasks.add, [1, 2]),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
    });
  });

  // By plain functions, which no server takes; what runs on a server is a worker of another kind.
  describe.skipIf(isRemote)('passes on what a result throws that is looked at', () => {
    const oneWorker = sharedWorker();
    const hostile: Record<string, () => unknown> = {
      'in its `then`': () => ({
        // biome-ignore lint/suspicious/noThenProperty: a thenable is what the test is about.
        get then() {
          throw new RangeError('hostile');
        },
      }),
      'in its `next`': () => ({
        get next() {
          throw new RangeError('hostile');
        },
      }),
      'in its `next`, later': async () => ({
        get next() {
          throw new RangeError('hostile');
        },
      }),
      'in its `Symbol.asyncIterator`': () => ({
        get [Symbol.asyncIterator]() {
          throw new RangeError('hostile');
        },
      }),
      'when it is asked for its iterator': () => ({
        [Symbol.asyncIterator]() {
          throw new RangeError('hostile');
        },
      }),
      'whatever is asked of it': () =>
        new Proxy(
          {},
          {
            get() {
              throw new RangeError('hostile');
            },
          },
        ),
      'when it is asked what it has': async () =>
        new Proxy(
          {},
          {
            has() {
              throw new RangeError('hostile');
            },
          },
        ),
      'when it is awaited': () => ({
        // biome-ignore lint/suspicious/noThenProperty: a thenable is what the test is about.
        then() {
          throw new RangeError('hostile');
        },
      }),
    };
    for (const [how, task] of Object.entries(hostile)) {
      test(how, async () => {
        const queue = oneWorker();
        const error = await errorOf(queue.call(task));
        expect([error.constructor, error.message]).toEqual([RangeError, 'hostile']);
        expect(await queue.call(tasks.add, [1, 2])).toBe(3);
      });
    }

    test('but hears only the first word of a thenable that changes its mind', async () => {
      const fickle = () => ({
        // biome-ignore lint/suspicious/noThenProperty: a thenable is what the test is about.
        then(resolve: (n: number) => void, reject: (error: Error) => void) {
          resolve(7);
          resolve(8);
          reject(new Error('too late'));
          throw new Error('later still');
        },
      });
      const queue = oneWorker();
      expect(await queue.call(fickle as () => PromiseLike<number>)).toBe(7);
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test('or an item of it', async () => {
      const queue = oneWorker();
      const hostile: Record<string, () => AsyncIterator<number>> = {
        'is no object': (() => {
          let count = 0;
          return { next: () => (count++ < 2 ? { value: count } : undefined) };
        }) as never,
        'hostile value': (() => {
          let count = 0;
          return {
            next: () =>
              count++ < 2
                ? { value: count }
                : {
                    get value() {
                      throw new Error('hostile value');
                    },
                  },
          };
        }) as never,
        'hostile end': (() => {
          let count = 0;
          return {
            next: async () =>
              count++ < 2
                ? { value: count }
                : {
                    get done() {
                      throw new Error('hostile end');
                    },
                  },
          };
        }) as never,
      };
      for (const [how, task] of Object.entries(hostile)) {
        const items: number[] = [];
        const read = async () => {
          for await (const item of await queue.call(task)) items.push(item);
        };
        const error = await errorOf(read());
        if (how !== 'is no object') expect(error.message).toBe(how);
        else expect(error).toBeInstanceOf(TypeError);
        expect(items).toEqual([1, 2]);
      }
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test('or an error that can not even be looked at', async () => {
      const queue = oneWorker();
      const throwHostile = () => {
        const fail = () => {
          throw new RangeError('hostile');
        };
        throw new Proxy(new Error('within'), { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail });
      };
      const outcome = await queue.call(throwHostile).then(
        () => 'done',
        () => 'failed',
      );
      expect(outcome).toBe('failed');
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });
  });

  describe('with a task module that is wrong', () => {
    const oneWorker = sharedWorker();
    const broken = (file: string) =>
      taskModule<Record<string, () => number>>(new URL(file, import.meta.url)) as Record<
        'answer' | 'missing' | 'notAFunction' | 'toString' | 'default',
        ReturnType<typeof taskModule<{ f: () => number }>>['f']
      >;

    test.runIf(loadsModules)('says that it is not there, and stays good', async () => {
      const queue = oneWorker();
      const error = await errorOf(queue.call(broken('./nowhere.js').answer));
      expect(isNiceqError(error, 'ERR_TASK_MODULE')).toBe(true);
      expect([error.name, error.message]).toEqual(['TaskModuleError', expect.stringContaining('nowhere.js')]);
      expect(error.cause).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' });
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test.runIf(loadsModules)('says what it threw, and stays good', async () => {
      const queue = oneWorker();
      for (const _ of ['at first', 'and again']) {
        const error = await errorOf(queue.call(broken('./faulty.tasks.js').answer));
        expect(isNiceqError(error, 'ERR_TASK_MODULE')).toBe(true);
        expect(error.message).toContain('This module never loads');
        expect(error.cause).toBeInstanceOf(RangeError);
      }
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test.runIf(loadsModules)('lists the exports there are', async () => {
      const queue = oneWorker();
      const error = await errorOf(queue.call(broken('./tasks.js').missing));
      expect(isNiceqError(error, 'ERR_TASK_MODULE')).toBe(true);
      for (const name of ['missing', 'add', 'addLater', 'recorded']) expect(error.message).toContain(name);
      expect(error.message).not.toContain('notAFunction');
      for (const name of ['toString', 'default'] as const) {
        expect(isNiceqError(await errorOf(queue.call(broken('./tasks.js')[name])), 'ERR_TASK_MODULE')).toBe(true);
      }
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test.runIf(loadsModules)('says that the export is no function', async () => {
      const queue = oneWorker();
      const error = await errorOf(queue.call(broken('./tasks.js').notAFunction));
      expect(isNiceqError(error, 'ERR_TASK_MODULE')).toBe(true);
      expect(error.message).toMatch(/notAFunction.*number/);
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });
  });

  describe('gives a task its context', () => {
    test('with id, attempt, series and worker', async () => {
      const queue = queueOf([makeWorker({ series: ['other'] }), makeWorker({ series: ['mine'] })]);
      expect(await queue.call(tasks.contextOf, [], { id: 'label', series: 'mine' })).toEqual({
        id: 'label',
        attempt: 1,
        series: 'mine',
        // On a server it is the one of the server's own worker.
        workerId: isRemote ? 1 : 2,
        isSignal: true,
        isAborted: false,
      });
    });

    test('with the number of the attempt', async () => {
      const queue = oneWorker();
      const seen: number[] = [];
      queue.on('retry', ({ attempts }) => seen.push(attempts));
      const call = queue.call(tasks.throwCustom, [], { retry: { error: 2 } });
      await errorOf(call);
      expect(seen).toEqual([1, 2]);
    });

    test('but not after its first await', async () => {
      expect((await errorOf(oneWorker().call(tasks.contextTooLate))).message).toContain('taskContext()');
    });

    test('which passes on what it reports', async () => {
      const queue = oneWorker();
      const heard: unknown[] = [];
      const events: unknown[] = [];
      const handle = queue.submit(tasks.report, [0.5, { of: new Map([[1, 2]]) }, undefined]);
      handle.onProgress((progress) => heard.push(progress));
      queue.on('progress', (task, progress) => events.push([task.id, progress]));
      expect(await handle.promise).toBe(3);
      const reported = [0.5, { of: new Map([[1, 2]]) }, undefined];
      expect(heard).toStrictEqual(reported);
      expect(events).toStrictEqual(reported.map((progress) => [handle.id, progress]));
    });

    test.runIf(isSeparate)('which drops a report that can not be sent', async () => {
      const queue = oneWorker();
      expect(await queue.call(tasks.reportUncloneable)).toBe('reported');
    });
  });

  describe('with an update', () => {
    test('runs it once on each, and on those to come before their first task', async () => {
      const queue = queueOf([makeWorker({ series: ['a'] }), makeWorker({ series: ['b'] })]);
      await Promise.all([
        queue.call(tasks.recorded, [], { series: 'a' }),
        queue.call(tasks.recorded, [], { series: 'b' }),
      ]);
      expect(await queue.update(tasks.add, [1, 2])).toEqual([3, 3]);
      await queue.update(tasks.record, ['first']);
      await queue.update(tasks.record, ['second']);
      await queue.update(tasks.record, ['now only'], { ephemeral: true });
      await Promise.all([
        queue.call(tasks.recorded, [], { series: 'a' }),
        queue.call(tasks.recorded, [], { series: 'b' }),
      ]);
      const attached = queue.attachWorker(makeWorker({ series: ['c'] }));
      expect(await queue.call(tasks.recorded, [], { series: 'c' })).toEqual(['first', 'second']);
      expect(await attached).toBe(3);
    });

    test('that fails, rejects with what it threw and does not keep it', async () => {
      const queue = oneWorker();
      const error = await errorOf(queue.update(tasks.throwCustom));
      expect(error).toBeInstanceOf(AggregateError);
      expect(error.errors).toMatchObject([{ name: 'TeapotError', message: 'short and stout' }]);
      await queue.attachWorker(makeWorker());
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test.each([false, true])(
      'that throws an AggregateError, rejects with one of that: ephemeral %s',
      async (ephemeral) => {
        const { errors } = await errorOf(oneWorker().update(tasks.throwAggregate, [], { ephemeral }));
        const [error] = errors as AggregateError[];
        expect(error).toBeInstanceOf(AggregateError);
        expect(error?.errors[2]).toBe('three');
      },
    );
  });

  describe('takes back', () => {
    test('a queued task that is cancelled', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      await queue.call(tasks.recorded);
      const first = queue.submit(tasks.pass, [gate.port, 'first']);
      await gate.arrival('first');
      const handles = [1, 2, 3, 4].map((item) => queue.submit(tasks.record, [item]));
      expect(handles[1]?.cancel('not wanted')).toBe(true);
      const error = await errorOf(handles[1]?.promise as Promise<void>);
      expect(isNiceqError(error, 'ERR_TASK_CANCELLED')).toBe(true);
      expect(error.cause).toBe('not wanted');
      gate.open('first');
      await first.promise;
      expect(await queue.call(tasks.recorded)).toEqual([1, 3, 4]);
      expect(handles.map(({ state }) => state)).toEqual(['done', 'cancelled', 'done', 'done']);
    });

    test('a task it holds when one that goes next is called', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      await queue.call(tasks.recorded);
      for (let i = 0; i < 50; i++) await queue.call(tasks.record, [i]);
      await queue.call(tasks.recorded);
      const first = queue.call(tasks.pass, [gate.port, 'first']);
      const others = [1, 2, 3].map((item) => queue.call(tasks.record, [item]));
      await gate.arrival('first');
      const next = queue.call(tasks.record, ['next'], { doNext: true });
      gate.open('first');
      await Promise.all([first, next, ...others]);
      expect(await queue.call(tasks.recorded)).toEqual(['next', 1, 2, 3]);
    });

    test('a queued task whose signal aborts', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const controller = new AbortController();
      await queue.call(tasks.recorded);
      const first = queue.submit(tasks.pass, [gate.port, 'first']);
      await gate.arrival('first');
      const aborted = queue.call(tasks.record, ['aborted'], { signal: controller.signal });
      const reason = new RangeError('changed my mind');
      controller.abort(reason);
      expect(await errorOf(aborted)).toBe(reason);
      gate.open('first');
      await first.promise;
      expect(await queue.call(tasks.recorded)).toEqual([]);
    });

    test('its listener from a signal, after a thousand calls that ended or were aborted in any state', async () => {
      const queue = oneWorker();
      const lasting = new AbortController();
      const passing = new AbortController();
      const calls: Promise<unknown>[] = [];
      for (let i = 0; i < 500; i++) {
        calls.push(queue.call(tasks.add, [i, 1], { signal: lasting.signal }));
        calls.push(errorOf(queue.call(tasks.add, [i, 1], { signal: passing.signal })));
        if (i % 100 === 99) calls.push(errorOf(queue.call(tasks.throwCustom, [], { signal: lasting.signal })));
      }
      expect([lasting, passing].map(({ signal }) => getEventListeners(signal, 'abort').length)).toEqual([1, 1]);
      passing.abort();
      await Promise.all(calls);
      expect([lasting, passing].map(({ signal }) => getEventListeners(signal, 'abort').length)).toEqual([0, 0]);
    });

    test('nothing from a task whose signal aborts while it runs, but tells it', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const controller = new AbortController();
      const handle = queue.submit(tasks.untilAborted, [gate.port, 'running'], { signal: controller.signal });
      await gate.arrival('running');
      const reason = new RangeError('changed my mind');
      controller.abort(reason);
      expect(await errorOf(handle.promise)).toBe(reason);
      await gate.arrival('changed my mind');
      expect([handle.state, queue.pending]).toEqual(['cancelled', 0]);
      gate.open('running');
      gate.open('changed my mind');
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test('nothing from a task that is cancelled while it runs, but tells it', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const handle = queue.submit(tasks.untilAborted, [gate.port, 'running']);
      await gate.arrival('running');
      expect(queue.cancelAll('stop it')).toBe(1);
      expect(await errorOf(handle.promise)).toMatchObject({ code: 'ERR_TASK_CANCELLED', cause: 'stop it' });
      await gate.arrival('stop it');
      const after = queue.submit(tasks.add, [1, 2]);
      gate.open('running');
      gate.open('stop it');
      expect(await after.promise).toBe(3);
    });
  });

  describe('ends', () => {
    test('without having run anything', async () => {
      const queue = queueOf([]);
      const id = await queue.attachWorker(makeWorker());
      expect(await queue.detachWorker(id)).toEqual([]);
      expect(queue.workers()).toEqual([]);
    });

    test('when it is detached while it starts', async () => {
      const queue = queueOf([]);
      const worker = makeWorker();
      const attached = queue.attachWorker(worker).catch((error: unknown) => error);
      expect(await queue.detachWorker(worker)).toEqual([]);
      expect(isNiceqError(await attached, 'ERR_WORKER_START')).toBe(true);
      expect(queue.workers()).toEqual([]);
    });

    test('with the queue, whatever is left', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const handles = [queue.submit(tasks.pass, [gate.port, 'a']), queue.submit(tasks.add, [1, 2])];
      await gate.arrival('a');
      const end = queue.shutdown();
      gate.open('a');
      expect(await end).toEqual([]);
      expect(handles.map(({ state }) => state)).toEqual(['done', 'done']);
      expect(queue.workers()).toEqual([]);
    });

    test('after what it runs, when it is detached', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const running = queue.submit(tasks.pass, [gate.port, 'a']);
      const queued = queue.submit(tasks.add, [1, 2]);
      await gate.arrival('a');
      const detached = queue.detachWorker(1);
      const isOver = detached.then(() => running.state);
      gate.open('a');
      expect(await running.promise).toBe('a');
      expect(await isOver).toBe('done');
      expect(await detached).toEqual([]);
      expect(queued.state).toBe('queued');
      await queue.attachWorker(makeWorker());
      expect(await queued.promise).toBe(3);
    });

    test('at once, when it is crashed, and returns what is unfinished', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const running = queue.submit(tasks.pass, [gate.port, 'a']);
      await gate.arrival('a');
      const queued = queue.submit(tasks.add, [1, 2]);
      const left: TaskHandle[] = await queue.detachWorker(1, { crash: true, reassign: false });
      expect(left).toContain(running);
      expect(isNiceqError(await errorOf(running.promise), 'ERR_TASK_CANCELLED')).toBe(true);
      if (!left.includes(queued)) {
        await queue.attachWorker(makeWorker());
        expect(await queued.promise).toBe(3);
      }
    });

    test('at once, when it is crashed, and its task runs elsewhere, at no cost of a retry', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const running = queue.submit(tasks.pass, [gate.port, 'a'], { retry: { lost: 0 } });
      await gate.arrival('a');
      await begun(queue, running);
      expect(await queue.detachWorker(1, { crash: true })).toEqual([]);
      expect(running.state).toBe('queued');
      gate.isOpen = true;
      await queue.attachWorker(makeWorker());
      expect(await running.promise).toBe('a');
      expect([running.attempts, running.workerId]).toEqual([2, 2]);
    });

    test('at once, when its time is over', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const running = queue.submit(tasks.hang, [gate.port, 'a']);
      await gate.arrival('a');
      expect(await queue.detachWorker(1, { timeout: 10, reassign: false })).toEqual([running]);
      expect(isNiceqError(await errorOf(running.promise), 'ERR_TASK_CANCELLED')).toBe(true);
    });

    test('at once, with a queue that is crashed', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const running = queue.submit(tasks.hang, [gate.port, 'a']);
      const queued = queue.submit(tasks.add, [1, 2]);
      await gate.arrival('a');
      const left = await queue.shutdown({ mode: 'crash' });
      expect(new Set(left)).toEqual(new Set([running, queued]));
      for (const { promise } of left) expect(isNiceqError(await errorOf(promise), 'ERR_TASK_CANCELLED')).toBe(true);
      expect(isNiceqError(await errorOf(queue.call(tasks.add, [1, 2])), 'ERR_QUEUE_CLOSED')).toBe(true);
    });
  });

  describe('when a task takes too long', () => {
    test(isSeparate ? 'runs it again once, then says so' : 'says so at once', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const handle = queue.submit(tasks.untilAborted, [gate.port, 'a'], { timeout: 20 });
      const late: string[] = [];
      queue.on('done', ({ id }) => late.push(id));
      // What is let through ends, though too late.
      gate.isOpen = true;
      const error = await errorOf(handle.promise);
      expect(isNiceqError(error, 'ERR_TASK_TIMEOUT')).toBe(true);
      expect([error.timeout, error.attempts]).toEqual([20, isSeparate ? 2 : 1]);
      expect([handle.state, handle.attempts]).toEqual(['failed', isSeparate ? 2 : 1]);
      expect(await queue.call(tasks.add, [1, 2], { id: 'next' })).toBe(3);
      expect(late).toEqual(['next']);
    });

    test('aborts its signal', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const handle = queue.submit(tasks.untilAborted, [gate.port, 'a'], { timeout: 20, retry: { timeout: 0 } });
      const error = await errorOf(handle.promise);
      expect(error.attempts).toBe(1);
      await gate.arrival(error.message);
    });
  });
}
