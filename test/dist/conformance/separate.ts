import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import {
  isNiceqError,
  type ProcessWorker,
  type ProcessWorkerOptions,
  type TaskQueue,
  type ThreadWorker,
  type ThreadWorkerOptions,
} from 'niceq';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { errorOf, makeBench, tasks } from './conformance.js';

type SharedOptions = Pick<
  ThreadWorkerOptions & ProcessWorkerOptions,
  'concurrency' | 'series' | 'graceful' | 'maxTasks' | 'maxMemory' | 'env'
>;

type SeparateWorker = ThreadWorker | ProcessWorker;

/** Resolves when the worker has got a new thread or process. */
function replacement(queue: TaskQueue): Promise<void> {
  return new Promise((resolve) => {
    queue.once('workerReplaced', () => resolve());
  });
}

/** Messages that no worker would send. */
export const nonsenses: readonly unknown[] = [
  'text',
  5,
  null,
  {},
  [99],
  [-1],
  ['done'],
  [1, 'x'],
  [1, 99, 'a slot without a task', 1, 2],
  [1, 0, 'a time that is none', Number.NaN, 2],
  [2, 0, { type: 'error' }, 1, 1],
  [7, { type: 'error' }],
  [9, 0, 'no items'],
  [10, 0, null],
];

/** What workers with threads or processes of their own have to do alike. */
export function separateConformance(
  makeWorker: (options?: SharedOptions) => SeparateWorker,
  exits: {
    readonly outOfMemory: () => SeparateWorker;
    /** Reads and writes values nested deeper than this thread can. */
    readonly deep: () => SeparateWorker;
    /** Reads only values that are nested less deeply than those this thread can write. */
    readonly shallow: () => SeparateWorker;
    readonly signals: boolean;
  },
) {
  const bench = makeBench();
  const oneWorker = (options?: SharedOptions) => bench.queueOf([makeWorker(options)]);

  describe('refuses what can not be sent', () => {
    const object = {
      n: 1,
      method() {
        return this.n;
      },
    };
    class Thing {}
    const functions: Record<string, (...args: never[]) => unknown> = {
      'a native function': Math.max,
      'a bound function': ((n: number) => n).bind(null, 1),
      'a class': Thing as unknown as () => unknown,
      'a method that needs `this`': object.method,
      'a getter': Object.getOwnPropertyDescriptor(
        {
          get x() {
            return 1;
          },
        },
        'x',
      )?.get as () => unknown,
    };
    for (const [what, fn] of Object.entries(functions)) {
      test(`namely ${what}`, async () => {
        const queue = oneWorker();
        const error = await errorOf(queue.call(fn as () => unknown));
        expect(isNiceqError(error, 'ERR_NOT_PORTABLE')).toBe(true);
        expect(error.message).toContain('task module');
        expect(await queue.call(tasks.add, [1, 2])).toBe(3);
      });
    }

    test('and says which argument it is, and where in it', async () => {
      const queue = oneWorker();
      const first = queue.call(tasks.add, [1, 2]);
      const errors = [
        errorOf(queue.call(tasks.echo, [1, { rows: [0, { render() {} }] }])),
        errorOf(queue.call(tasks.echo, [Symbol('s')])),
        errorOf(queue.call(tasks.echo, [new Map([['key', new Set([() => 1])]])])),
        errorOf(queue.call(tasks.echo, [{ 'with space': [Promise.resolve()] }])),
      ];
      const last = queue.call(tasks.add, [3, 4]);
      const messages: string[] = [];
      for (const error of await Promise.all(errors)) {
        expect(isNiceqError(error, 'ERR_NOT_PORTABLE')).toBe(true);
        messages.push(error.message);
      }
      expect(messages[0]).toMatch(/Argument 1 .*\.rows\[1\]\.render/);
      expect(messages[1]).toMatch(/Argument 0 /);
      expect(messages[2]).toMatch(/Argument 0 .*\.get\(key\)/);
      expect(messages[3]).toMatch(/Argument 0 .*with space.*\[0\]/);
      expect([await first, await last]).toEqual([3, 7]);
      expect([queue.size, queue.pending]).toEqual([0, 0]);
    });

    test('and says where in the result it is', async () => {
      const queue = oneWorker();
      const [error, sum] = await Promise.all([errorOf(queue.call(tasks.uncloneable)), queue.call(tasks.add, [1, 2])]);
      expect(isNiceqError(error, 'ERR_NOT_PORTABLE')).toBe(true);
      expect(error.message).toContain('.rows[1].render');
      expect(sum).toBe(3);
    });

    test('though its getter throws, or it is a proxy that does', async () => {
      const queue = oneWorker();
      const inArgument = {
        rows: [
          {
            get x() {
              throw new RangeError('hostile');
            },
          },
        ],
      };
      const fail = () => {
        throw new RangeError('hostile');
      };
      const proxy = new Proxy({}, { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail });
      const inResult = () => ({
        a: 1,
        get x() {
          throw new RangeError('hostile');
        },
      });
      const errors = await Promise.all([
        errorOf(queue.call(tasks.echo, [1, inArgument])),
        errorOf(queue.call(tasks.echo, [[proxy]])),
        errorOf(queue.call(inResult)),
      ]);
      expect(errors.map((error) => isNiceqError(error, 'ERR_NOT_PORTABLE'))).toEqual([true, true, true]);
      expect(errors.map(({ message }) => message)).toEqual([
        expect.stringMatching(/Argument 1 at `\.rows\[0\]\.x`/),
        expect.stringMatching(/Argument 0 at `\[0\]`/),
        expect.stringMatching(/The result at `\.x`/),
      ]);
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test('and never runs such a task again', async () => {
      const queue = oneWorker();
      const handle = queue.submit(tasks.uncloneable, [], { retry: { error: 5 } });
      await errorOf(handle.promise);
      expect(handle.attempts).toBe(1);
    });

    test('and names what a function missed that was sent by its source', async () => {
      const surroundings = 3;
      const queue = oneWorker();
      const error = await errorOf(queue.call((n: number) => n + surroundings, [1]));
      expect(error).toBeInstanceOf(ReferenceError);
      expect(error.message).toMatch(/surroundings/);
      expect(error.message).toMatch(/source/);
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });
  });

  test('brings what is binary in memory that no other task has, and a Buffer as the Uint8Array that threads make of it', async () => {
    const queue = oneWorker();
    const given = Buffer.from('niceq');
    const isBuffer = (value: unknown) => [Buffer.isBuffer(value), value instanceof Uint8Array];
    expect(await queue.call(isBuffer, [given])).toEqual([false, true]);
    const readAll = (part: Uint16Array) => new Uint16Array(part.buffer).at(-1);
    expect(await queue.call(readAll, [new Uint16Array([1, 2, 3])])).toBe(3);
    const [first, second] = (await Promise.all(
      [tasks.echoOne, tasks.echoOne].map((fn) => queue.call(fn, [given])),
    )) as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
    expect(first).toStrictEqual(new Uint8Array(given));
    const { buffer } = first;
    structuredClone(buffer, { transfer: [buffer] });
    expect(second).toStrictEqual(new Uint8Array(given));
  });

  describe('has a memory of its own', () => {
    test('in which modules keep their state', async () => {
      const queue = bench.queueOf([makeWorker({ series: ['a'] }), makeWorker({ series: ['b'] })]);
      const next = (series: string) => queue.call(tasks.next, [], { series });
      expect([await next('a'), await next('a'), await next('b'), await next('a')]).toEqual([1, 2, 1, 3]);
    });

    test('which it tells, and which grows with what tasks keep', async () => {
      const worker = makeWorker();
      const queue = bench.queueOf([worker]);
      await queue.call(tasks.add, [1, 2]);
      const before = await worker.memory();
      await queue.call(tasks.grow, [64_000_000]);
      expect((await worker.memory()) - before).toBeGreaterThan(48_000_000);
    });

    test('and is replaced after `maxTasks` tasks, with its updates and its id', async () => {
      const queue = oneWorker({ maxTasks: 2 });
      const replaced: (number | undefined)[] = [];
      queue.on('workerReplaced', ({ id }) => replaced.push(id));
      await queue.update(tasks.record, ['first']);
      await queue.update(tasks.record, ['second']);
      const seen: unknown[] = [];
      for (let i = 0; i < 3; i++) seen.push(await queue.call(tasks.next), await queue.call(tasks.recorded));
      const updates = ['first', 'second'];
      expect(seen).toEqual([1, updates, 1, updates, 1, updates]);
      expect(replaced.slice(0, 2)).toEqual([1, 1]);
    });

    test('and has updates run that are made while it is replaced', async () => {
      const queue = oneWorker({ maxTasks: 1 });
      for (let i = 1; i <= 3; i++) {
        expect(await queue.call(tasks.next)).toBe(1);
        expect(await queue.update(tasks.record, [i])).toHaveLength(1);
      }
      expect(await queue.call(tasks.recorded)).toEqual([1, 2, 3]);
    });

    test('and runs the updates of a series that it is qualified for while it starts', async () => {
      const queue = oneWorker({ series: ['a'] });
      await queue.update(tasks.record, ['for b'], { series: 'b' });
      const other = makeWorker({ series: ['a'] });
      const attached = queue.attachWorker(other);
      await queue.qualifyWorker(other, 'b');
      await attached;
      expect(await queue.call(tasks.recorded, [], { series: 'b' })).toEqual(['for b']);
    });

    for (const [maxTasks, concurrency] of [
      [1, 1],
      [1, 4],
      [3, 1],
      [6, 4],
    ] as const) {
      test(`which lives for exactly ${maxTasks} tasks, ${concurrency} at a time, updates not counted`, async () => {
        const queue = oneWorker({ maxTasks, concurrency });
        await Promise.all([1, 2, 3].map((n) => queue.update(tasks.record, [n])));
        const counts = Array.from({ length: 4 * maxTasks }, () => queue.call(tasks.next));
        const update = queue.update(tasks.record, ['while tasks wait']);
        const livesOfEqualLength = Array.from({ length: 4 * maxTasks }, (_, i) => 1 + Math.floor(i / 4));
        expect((await Promise.all(counts)).sort((a, b) => a - b)).toEqual(livesOfEqualLength);
        await update;
      });
    }

    test('and loses none of many tasks while it is replaced again and again', async () => {
      const queue = oneWorker({ maxTasks: 10 });
      const results = await Promise.all(Array.from({ length: 25 }, (_, i) => queue.call(tasks.add, [i, 1])));
      expect(results).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
    });

    test('and is replaced when it uses more than `maxMemory`', async () => {
      const queue = oneWorker({ maxMemory: 300_000_000 });
      expect(await queue.call(tasks.next)).toBe(1);
      const replaced = replacement(queue);
      await queue.call(tasks.grow, [320_000_000]);
      await replaced;
      expect(await queue.call(tasks.next)).toBe(1);
    });
  });

  test('serves timers, as its caller does, while it is called without a break', async () => {
    const queue = oneWorker();
    await queue.call(tasks.startTicking);
    let ticksHere = 0;
    const timer = setInterval(() => ticksHere++, 1);
    onTestFinished(() => clearInterval(timer));
    let before: readonly [number, number] = [0, 0];
    for (let i = 0; i < 8000; i++) {
      const ticks = [await queue.call(tasks.ticks), ticksHere] as const;
      if (i % 1000 !== 999) continue;
      expect(ticks[0]).toBeGreaterThan(before[0]);
      expect(ticks[1]).toBeGreaterThan(before[1]);
      before = ticks;
    }
  });

  test('never seems to run more than it can', async () => {
    const queue = oneWorker();
    const counts: unknown[] = [];
    let size = 500;
    queue.on('started', () => counts.push([queue.pending, queue.size - --size]));
    await Promise.all(Array.from({ length: 500 }, (_, i) => queue.call(tasks.add, [i, 1])));
    expect(counts).toEqual(counts.map(() => [1, 0]));
  });

  describe('when a message can not be read', () => {
    const nested = (depth: number) => {
      let value: unknown = 0;
      for (let i = 0; i < depth; i++) value = [value];
      return value;
    };

    test('from it, tries again in a new one, and then says why', async () => {
      const queue = bench.queueOf([exits.deep()]);
      const handle = queue.submit(nested, [8000]);
      const error = await errorOf(handle.promise);
      expect(error).toMatchObject({ code: 'ERR_WORKER_LOST', attempts: 2 });
      expect(error.message).toMatch(/can't be read.*stack/);
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test('by it, tries again in a new one, then says why, and runs what came with it', async () => {
      const queue = bench.queueOf([exits.shallow()]);
      await queue.call(tasks.next);
      let depth = 64;
      for (let step = 2 ** 14; step >= 1; step /= 2) {
        try {
          serialize(nested(depth + step));
          depth += step;
        } catch {}
      }
      const before = queue.call(tasks.add, [1, 1]);
      const bad = queue.submit(tasks.record, [nested(Math.floor(depth * 0.95))]);
      const after = Array.from({ length: 20 }, (_, i) => queue.call(tasks.add, [i, 1]));
      const error = await errorOf(bad.promise);
      expect(error).toMatchObject({ code: 'ERR_WORKER_LOST', attempts: 2 });
      expect(error.message).toMatch(/can't be read.*stack/);
      expect(await before).toBe(2);
      expect(await Promise.all(after)).toEqual(after.map((_, i) => i + 1));
    });
  });

  describe('when its thread or process ends', () => {
    test('runs the task again, in a new one', async () => {
      const queue = oneWorker();
      const retried: string[] = [];
      queue.on('retry', (_, error) => retried.push((error as Error).name));
      const handle = queue.submit(tasks.exit, [3, 1]);
      expect(await handle.promise).toBe(2);
      expect([handle.attempts, handle.workerId]).toEqual([2, 1]);
      expect(retried).toEqual(['WorkerLostError']);
    });

    test('as often as it may, and then says how it ended', async () => {
      const queue = oneWorker();
      const error = await errorOf(queue.call(tasks.exit, [3], { retry: { lost: 2 } }));
      expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
      expect([error.exitCode, error.signal, error.attempts]).toEqual([3, null, 3]);
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test('does not run a task again whose arguments were handed over', async () => {
      const queue = oneWorker();
      const buffer = new ArrayBuffer(8);
      const call = queue.call(tasks.exitWith, [buffer], {
        transfer: [buffer],
        retry: { lost: 5 },
      });
      const error = await errorOf(call);
      expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
      expect(error.attempts).toBe(1);
    });

    test('has the kept updates again before its next task', async () => {
      const queue = oneWorker();
      await queue.update(tasks.record, ['first']);
      await queue.update(tasks.record, ['replaced'], { key: 'k' });
      await queue.update(tasks.record, ['second'], { key: 'k' });
      await queue.update(tasks.record, ['not kept'], { ephemeral: true });
      await queue.call(tasks.exit, [1, 1]);
      expect(await queue.call(tasks.recorded)).toEqual(['first', 'second']);
    });

    test('has updates run on the next one that were made meanwhile, or tells why they failed there', async () => {
      const queue = oneWorker();
      await errorOf(queue.call(tasks.exit, [1], { retry: { lost: 0 } }));
      const updates = [
        queue.update(tasks.record, ['kept']),
        errorOf(queue.update(tasks.exit, [1])),
        queue.update(tasks.recorded, [], { ephemeral: true }),
      ];
      expect(await updates[0]).toHaveLength(1);
      expect(await updates[1]).toBeInstanceOf(AggregateError);
      expect(await updates[2]).toEqual([['kept']]);
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test('lets what it only held go on, at no cost', async () => {
      const { gate } = bench;
      const queue = oneWorker();
      const fatal = queue.submit(tasks.exit, [1], { retry: { lost: 0 } });
      const handles = Array.from({ length: 20 }, (_, i) => queue.submit(tasks.add, [i, 1], { retry: { lost: 0 } }));
      const gated = queue.call(tasks.pass, [gate.port, 'a']);
      expect(isNiceqError(await errorOf(fatal.promise), 'ERR_WORKER_LOST')).toBe(true);
      await gate.arrival('a');
      gate.open('a');
      await gated;
      expect(await Promise.all(handles.map(({ promise }) => promise))).toEqual(handles.map((_, i) => i + 1));
      expect(handles.map(({ attempts }) => attempts)).toEqual(handles.map(() => 1));
    });

    for (const [what, task] of [
      ['throws', tasks.throwAfterwards],
      ['rejects without anybody to catch it', tasks.rejectAfterwards],
    ] as const) {
      test(`because something ${what} after its task has returned, only it suffers`, async () => {
        const queue = oneWorker();
        const events: string[] = [];
        queue.on('failed', () => events.push('failed'));
        queue.on('retry', () => events.push('retry'));
        const replaced = replacement(queue);
        expect(await queue.call(task, ['afterwards'])).toBe('returned');
        await replaced;
        expect(await queue.call(tasks.next)).toBe(1);
        expect(events).toEqual([]);
        expect(queue.workers().map(({ id }) => id)).toEqual([1]);
      });
    }

    test('says which error ended it', async () => {
      const { gate } = bench;
      const queue = oneWorker({ concurrency: 2 });
      const error = errorOf(queue.call(tasks.hang, [gate.port, 'a'], { retry: { lost: 0 } }));
      await gate.arrival('a');
      await queue.call(tasks.throwAfterwards, ['the culprit']);
      expect(await error).toMatchObject({ code: 'ERR_WORKER_LOST', cause: { message: 'the culprit' } });
    });

    test('for lack of memory, says so and goes on', async () => {
      const queue = bench.queueOf([exits.outOfMemory()]);
      const error = await errorOf(queue.call(tasks.exhaustMemory, [], { retry: { lost: 0 } }));
      expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test.runIf(exits.signals)('by a signal, says which', async () => {
      const queue = oneWorker();
      const error = await errorOf(queue.call(tasks.killItself, ['SIGKILL'], { retry: { lost: 0 } }));
      expect(error).toMatchObject({ code: 'ERR_WORKER_LOST', exitCode: null, signal: 'SIGKILL', attempts: 1 });
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    });

    test('resigns when a kept update fails on each new one, and others take over', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'niceq-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const path = join(folder, 'flag');
      const queue = oneWorker();
      await queue.update(tasks.recordUnless, [path, 'update']);
      writeFileSync(path, '');
      const lost = new Promise<[number | undefined, Error]>((resolve) => {
        queue.once('workerLost', ({ id }, error) => resolve([id, error]));
      });
      const handle = queue.submit(tasks.exit, [1, 1]);
      const [id, error] = await lost;
      expect(id).toBe(1);
      expect(isNiceqError(error, 'ERR_WORKER_START')).toBe(true);
      expect([queue.workers(), handle.state]).toEqual([[], 'queued']);
      rmSync(path);
      expect(await queue.attachWorker(makeWorker())).toBe(2);
      expect(await handle.promise).toBe(2);
    });
  });

  test('holds nothing behind a task that may be long, so that nothing passes what came before it', async () => {
    const { gate } = bench;
    const queue = bench.queueOf([makeWorker(), makeWorker()]);
    const started: string[] = [];
    queue.on('started', ({ id }) => started.push(id));
    const names = ['a', 'b', 'c', 'd', 'e'];
    const calls = names.map((id) => queue.call(tasks.pass, [gate.port, id], { id }));
    await Promise.all([gate.arrival('a'), gate.arrival('b')]);
    for (const [done, next] of [
      ['b', 'c'],
      ['c', 'd'],
      ['d', 'e'],
    ] as const) {
      gate.open(done);
      await gate.arrival(next);
    }
    gate.open('e');
    gate.open('a');
    expect(await Promise.all(calls)).toEqual(names);
    expect(started).toEqual(names);
  });

  describe('kills', () => {
    test('a task that blocks after it was cancelled', async () => {
      const { gate } = bench;
      const queue = oneWorker({ graceful: 20 });
      await queue.call(tasks.next);
      const blocked = queue.submit(tasks.block, [gate.port, 'a']);
      await gate.arrival('a');
      gate.open('a');
      const replaced = replacement(queue);
      const waiting = queue.submit(tasks.next, [], { retry: { lost: 0 } });
      blocked.cancel();
      expect(isNiceqError(await errorOf(blocked.promise), 'ERR_TASK_CANCELLED')).toBe(true);
      await replaced;
      expect(await waiting.promise).toBe(1);
      expect([waiting.attempts, waiting.workerId]).toEqual([1, 1]);
    });

    test('an iteration that blocks after its signal has aborted', async () => {
      const queue = oneWorker({ graceful: 20 });
      await queue.call(tasks.next);
      const controller = new AbortController();
      const items = await queue.call(
        async function* () {
          yield 1;
          await new Promise(setImmediate);
          for (;;);
        },
        [],
        { signal: controller.signal },
      );
      expect(await items.next()).toEqual({ value: 1, done: false });
      const replaced = replacement(queue);
      controller.abort();
      await replaced;
      expect(await errorOf(items.next())).toMatchObject({ name: 'AbortError' });
      expect(await queue.call(tasks.next)).toBe(1);
    });

    test('no task that keeps it from hearing that an iteration is to end', async () => {
      const queue = oneWorker({ graceful: 20 });
      const controller = new AbortController();
      const items = await queue.call(
        function* () {
          for (;;) yield 1;
        },
        [],
        { signal: controller.signal },
      );
      expect(await items.next()).toEqual({ value: 1, done: false });
      const { gate } = bench;
      const busy = queue.submit(tasks.blockFor, [gate.port, 'a', 200], { retry: { lost: 0 } });
      await gate.arrival('a');
      gate.open('a');
      controller.abort();
      expect(await busy.promise).toBe('a');
    });

    test('a task that takes too long, and runs it again', async () => {
      const { gate } = bench;
      const queue = oneWorker({ graceful: 20 });
      await queue.call(tasks.next);
      gate.isOpen = true;
      const handle = queue.submit(tasks.block, [gate.port, 'a'], { timeout: 200 });
      const error = await errorOf(handle.promise);
      expect(error).toMatchObject({ code: 'ERR_TASK_TIMEOUT', timeout: 200, attempts: 2 });
      expect(await queue.call(tasks.next)).toBe(1);
    });

    test('a task that neither blocks nor ends, if it runs alone', async () => {
      const { gate } = bench;
      const queue = oneWorker({ graceful: 20, concurrency: 2 });
      await queue.call(tasks.next);
      const hanging = queue.submit(tasks.hang, [gate.port, 'a']);
      await gate.arrival('a');
      const replaced = replacement(queue);
      hanging.cancel();
      await replaced;
      expect(await queue.call(tasks.next)).toBe(1);
    });

    test('no task while another one runs beside it', async () => {
      const { gate } = bench;
      const queue = oneWorker({ graceful: 500, concurrency: 3 });
      await queue.call(tasks.next);
      const hanging = queue.submit(tasks.hang, [gate.port, 'a']);
      const other = queue.submit(tasks.pass, [gate.port, 'b']);
      await Promise.all([gate.arrival('a'), gate.arrival('b')]);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      onTestFinished(() => void vi.useRealTimers());
      hanging.cancel();
      // What follows the cancellation there and back: the worker has read it.
      await queue.call(tasks.add, [1, 2]);
      vi.advanceTimersByTime(500);
      vi.useRealTimers();
      const replaced = replacement(queue);
      gate.open('b');
      expect(await other.promise).toBe('b');
      expect(other.attempts).toBe(1);
      await replaced;
      expect(await queue.call(tasks.next)).toBe(1);
    });
  });

  test('gives tasks the environment it was given', async () => {
    const queue = oneWorker({ env: { NICEQ_TEST: 'yes' } });
    expect(await queue.call(() => process.env.NICEQ_TEST)).toBe('yes');
  });
}
