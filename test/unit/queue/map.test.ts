import { once } from 'node:events';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AsyncQueue, taskContext } from 'niceq';
import { describe, expect, test } from 'vitest';
import { deferred } from '../deferred.js';
import { errorOf, ManualWorker, nothing, settled } from './helpers.js';

const double = async (n: number) => n * 2;

const evil = new Error('evil');

/** Makes one item, and then waits for ever. */
async function* blocked() {
  yield 1;
  await new Promise(nothing);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe('map()', () => {
  test('takes an async input, and closes it when the reader leaves', async () => {
    const log: unknown[] = [];
    async function* input() {
      try {
        for (let n = 1; ; n++) yield n;
      } finally {
        log.push('closed');
      }
    }
    for await (const result of new AsyncQueue().map(input(), double, { inFlight: 2 })) {
      log.push(result);
      if (result === 6) break;
    }
    expect(log).toEqual([2, 4, 6, 'closed']);
  });

  test.each([true, false])('ends with the error of the input, ordered: %s', async (ordered) => {
    function* input() {
      yield 1;
      throw evil;
    }
    const queue = new AsyncQueue();
    const results = queue.map(input(), () => new Promise<never>(() => {}), { ordered });
    await expect(results.next()).rejects.toBe(evil);
    // It has cancelled what ran.
    expect(queue.size).toBe(0);
    expect(await results.next()).toEqual({ value: undefined, done: true });
  });

  test('submits nothing of what comes after it has ended', async () => {
    const item = deferred<number>();
    const aborter = new AbortController();
    let isClosed = false;
    const input: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ value: await item.promise, done: false }),
        return: async () => {
          isClosed = true;
          return { value: undefined, done: true };
        },
      }),
    };
    let calls = 0;
    const results = new AsyncQueue().map(input, () => ++calls, { signal: aborter.signal });
    const next = results.next();
    const reason = new Error('enough');
    aborter.abort(reason);
    await expect(next).rejects.toBe(reason);
    item.resolve(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBe(0);
    expect(isClosed).toBe(true);
  });

  test('takes a string, which is an iterable of its characters', async () => {
    expect(await collect(new AsyncQueue().map('abc', (letter) => letter.toUpperCase()))).toEqual(['A', 'B', 'C']);
  });

  test('answers several next() at a time in order, however few items may be in flight', async () => {
    const results = new AsyncQueue().map([1, 2, 3], double, { inFlight: 1 });
    const steps = await Promise.all([results.next(), results.next(), results.next(), results.next()]);
    expect(steps.map(({ value, done }) => (done ? 'done' : value))).toEqual([2, 4, 6, 'done']);
  });

  test('does nothing before the first result is asked for', async () => {
    let isBegun = false;
    const input = {
      [Symbol.iterator]() {
        isBegun = true;
        return [1].values();
      },
    };
    const queue = new AsyncQueue();
    const results = queue.map(input, double);
    await settled();
    expect(await results.return?.()).toEqual({ value: undefined, done: true });
    expect(await results.next()).toEqual({ value: undefined, done: true });
    expect(isBegun).toBe(false);
  });

  test('rejects the first next() if the input can not be begun', async () => {
    const input: Iterable<number> = {
      [Symbol.iterator]() {
        throw evil;
      },
    };
    const results = new AsyncQueue().map(input, double);
    expect(await errorOf(results.next())).toBe(evil);
    expect(await results.next()).toEqual({ value: undefined, done: true });
  });

  test('cancels all that runs and closes the input as soon as a task fails, also while nobody waits', async () => {
    const log: string[] = [];
    function* input() {
      try {
        yield* [1, 2, 3];
      } finally {
        log.push('closed');
      }
    }
    const failure = deferred<never>();
    const queue = new AsyncQueue();
    queue.on('cancelled', () => log.push('cancelled'));
    const task = (n: number) => (n === 1 ? 1 : n === 2 ? failure.promise : new Promise<never>(nothing));
    const results = queue.map(input(), task, { inFlight: 3 });
    expect(await results.next()).toEqual({ value: 1, done: false });
    await settled();
    failure.reject(evil);
    await settled();
    expect(log.sort()).toEqual(['cancelled', 'closed']);
    expect(await errorOf(results.next())).toBe(evil);
    expect(await results.next()).toEqual({ value: undefined, done: true });
  });

  test('closes an input that hands over a promise that is rejected', async () => {
    let isClosed = false;
    function* input() {
      try {
        yield Promise.reject(evil);
      } finally {
        isClosed = true;
      }
    }
    expect(await errorOf(new AsyncQueue().map(input(), double).next())).toBe(evil);
    expect(isClosed).toBe(true);
  });

  describe('over an input that is blocked', () => {
    test('ends with the error of a task', async () => {
      const task = () => {
        throw evil;
      };
      const results = new AsyncQueue().map(blocked(), task);
      expect(await errorOf(results.next())).toBe(evil);
      expect(await results.next()).toEqual({ value: undefined, done: true });
    });

    test('ends with the reason of the signal', async () => {
      const aborter = new AbortController();
      const results = new AsyncQueue().map(blocked(), double, { signal: aborter.signal });
      await results.next();
      const next = errorOf(results.next());
      aborter.abort(evil);
      expect(await next).toBe(evil);
    });

    test('lets its reader go', async () => {
      const got: number[] = [];
      for await (const result of new AsyncQueue().map(blocked(), double)) {
        got.push(result);
        break;
      }
      expect(got).toEqual([2]);
    });

    test('takes no notice of what closing it throws later', async () => {
      const item = deferred();
      async function* input() {
        try {
          yield 1;
          await item.promise;
          yield 2;
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: it is what the test is about.
          throw new Error('of no interest');
        }
      }
      const task = () => {
        throw evil;
      };
      expect(await errorOf(new AsyncQueue().map(input(), task).next())).toBe(evil);
      item.resolve();
      await settled();
    });
  });

  test('hides no error of a task behind one of the input', async () => {
    function* input() {
      try {
        for (;;) yield 1;
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: it is what the test is about.
        throw new Error('of no interest');
      }
    }
    const task = () => {
      throw evil;
    };
    expect(await errorOf(new AsyncQueue().map(input(), task).next())).toBe(evil);
    // Who leaves by himself hears of it.
    const results = new AsyncQueue().map(input(), double, { inFlight: 1 });
    await results.next();
    expect((await errorOf(results.return?.() as Promise<unknown>)).message).toBe('of no interest');
  });

  test('takes no item of the input after a task has failed while the queue was full', async () => {
    let taken = 0;
    // Like one that reads messages: what is taken is gone, and nobody can tell it to end.
    const input: Iterable<number> = {
      [Symbol.iterator]: () => ({ next: () => ({ value: ++taken, done: false }) }),
    };
    const failure = deferred<never>();
    const queue = new AsyncQueue({ concurrency: 1, maxQueued: 1 });
    const error = errorOf(queue.map(input, () => failure.promise, { inFlight: 8 }).next());
    await settled();
    expect([taken, queue.pending, queue.size]).toEqual([2, 1, 1]);
    failure.reject(evil);
    expect(await error).toBe(evil);
    await settled();
    expect(taken).toBe(2);
  });

  test('is left at once by return(), also while somebody waits for a result', async () => {
    const queue = new AsyncQueue({ concurrency: 1 });
    const results = queue.map([1, 2, 3], () => new Promise<never>(nothing), { inFlight: 2 });
    const next = results.next();
    await settled();
    expect([queue.pending, queue.size]).toEqual([1, 1]);
    expect(await results.return?.('x')).toEqual({ value: 'x', done: true });
    expect(await next).toEqual({ value: undefined, done: true });
    expect(queue.size).toBe(0);
  });

  test('is left at once by a stream that is destroyed', async () => {
    const signals: AbortSignal[] = [];
    const task = () => {
      signals.push(taskContext().signal);
      return new Promise<never>(nothing);
    };
    const queue = new AsyncQueue({ concurrency: 1 });
    const stream = Readable.from(queue.map([1, 2, 3], task, { inFlight: 2 }));
    stream.read();
    await settled();
    stream.destroy();
    await once(stream, 'close');
    expect(queue.size).toBe(0);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test('ends with `await using`', async () => {
    let isClosed = false;
    function* input() {
      try {
        yield* [1, 2, 3];
      } finally {
        isClosed = true;
      }
    }
    {
      await using results = new AsyncQueue().map(input(), double) as AsyncIterableIterator<number> & AsyncDisposable;
      await results.next();
    }
    expect(isClosed).toBe(true);
  });

  describe('of a queue with few places to wait in', () => {
    const numbers = Array.from({ length: 20 }, (_, i) => i);
    const doubled = numbers.map((n) => n * 2);

    test('waits for one, beside others that do', async () => {
      const queue = new AsyncQueue({ concurrency: 1, maxQueued: 2 });
      let most = 0;
      queue.on('queued', () => {
        most = Math.max(most, queue.size);
      });
      const maps = [1, 2, 3].map(() => collect(queue.map(numbers, double, { inFlight: 8 })));
      expect(await Promise.all(maps)).toEqual([doubled, doubled, doubled]);
      // One more where a place is free, which is not taken at once.
      expect(most).toBeLessThanOrEqual(3);
    });

    test('waits for one among those who may run its tasks', async () => {
      const worker = new ManualWorker();
      const queue = new AsyncQueue({ maxQueued: 2, workers: [worker] });
      await settled();
      const results = collect(queue.map(numbers, double, { inFlight: 16, on: 'manual' }));
      await settled();
      expect([queue.pending, queue.size]).toEqual([1, 2]);
      // It keeps nobody waiting whose tasks others may run.
      expect(await collect(queue.map(numbers, double, { inFlight: 16, on: 'async' }))).toEqual(doubled);
      for (const n of numbers) {
        worker.done(n);
        await settled();
      }
      expect(await results).toEqual(numbers);
    });

    test('waits for one that somebody took while the input made an item', async () => {
      const queue = new AsyncQueue({ concurrency: 1, maxQueued: 1 });
      const end = deferred();
      let others: Promise<void>[] = [];
      async function* input() {
        others = [1, 2].map(() => queue.call(() => end.promise));
        yield* [1, 2, 3];
      }
      const results = collect(queue.map(input(), double));
      await settled();
      expect([queue.pending, queue.size]).toEqual([1, 1]);
      end.resolve();
      expect(await results).toEqual([2, 4, 6]);
      await Promise.all(others);
    });

    test('leaves nothing behind when it is left while it waits', async () => {
      setFlagsFromString('--expose-gc');
      const gc = runInNewContext('gc') as () => void;
      const queue = new AsyncQueue({ concurrency: 1, maxQueued: 1 });
      for (let i = 0; i < 2; i++) queue.submit(() => new Promise<never>(nothing));
      await settled();
      // A function of its own: this one's frame, which outlives every await, would keep the input.
      const leave = async () => {
        const input = [1, 2, 3];
        const results = queue.map(input, double);
        const next = results.next();
        await settled();
        await results.return?.();
        expect(await next).toEqual({ value: undefined, done: true });
        return new WeakRef(input);
      };
      const inputs = [await leave(), await leave()];
      await settled();
      gc();
      expect([queue.pending, queue.size]).toEqual([1, 1]);
      expect(inputs.filter((input) => input.deref() !== undefined)).toEqual([]);
    });

    test('rejects when it is shut down meanwhile', async () => {
      const queue = new AsyncQueue({ concurrency: 1, maxQueued: 1 });
      const results = queue.map(numbers, () => settled(), { inFlight: 8 });
      const error = errorOf(collect(results));
      await settled();
      await queue.shutdown();
      expect((await error).name).toBe('QueueClosedError');
    });
  });
});
