import { AsyncQueue } from 'niceq';
import { describe, expect, test } from 'vitest';
import { deferred } from '../deferred.js';

const double = async (n: number) => n * 2;

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
    const evil = new Error('evil');
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
});
