import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PromiseTracker } from 'niceq';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deferred } from '../source/support.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function sleep(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration));
}

/** What a promise came to, and when, in fake time. */
async function timed<T>(promise: Promise<T>): Promise<{ value: T; after: number }> {
  const begin = Date.now();
  let after = Number.NaN;
  const noted = promise.then((value) => {
    after = Date.now() - begin;
    return value;
  });
  await vi.runAllTimersAsync();
  return { value: await noted, after };
}

describe('with nothing pending', () => {
  test.each(['whenAll', 'whenAny'] as const)('%s is true at once', async (method) => {
    const tracker = new PromiseTracker();
    expect(tracker.size).toBe(0);
    expect(await tracker[method]()).toBe(true);
    expect(await tracker[method]({ timeout: 0 })).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('whenFewer is true at once', async () => {
    expect(await new PromiseTracker().whenFewer(1)).toBe(true);
  });
});

describe('put', () => {
  test('returns the same promise', () => {
    const promise = sleep(1);
    expect(new PromiseTracker().put(promise)).toBe(promise);
  });

  test('counts the promise until it settles', async () => {
    const tracker = new PromiseTracker();
    tracker.put(sleep(10));
    tracker.put(sleep(20));
    expect(tracker.size).toBe(2);
    await vi.advanceTimersByTimeAsync(10);
    expect(tracker.size).toBe(1);
    await vi.advanceTimersByTimeAsync(10);
    expect(tracker.size).toBe(0);
  });

  test('a rejection counts as settled, and as handled', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    try {
      const tracker = new PromiseTracker();
      tracker.put(Promise.reject(new Error('nobody minds')));
      expect(await tracker.whenAll()).toBe(true);
      vi.useRealTimers();
      await new Promise(setImmediate);
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });

  test('takes a promise with a `then` of its own that throws', async () => {
    const tracker = new PromiseTracker();
    tracker.put(
      Object.assign(Promise.resolve(1), {
        // biome-ignore lint/suspicious/noThenProperty: what this is about.
        then() {
          throw new Error('mine');
        },
      }),
    );
    expect(tracker.size).toBe(1);
    expect(await tracker.whenAll()).toBe(true);
  });

  test('takes any thenable, and counts one that calls back twice once', async () => {
    const tracker = new PromiseTracker();
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is tested
      then(resolve: () => void, reject: () => void) {
        resolve();
        reject();
      },
    } as PromiseLike<void>;
    expect(tracker.put(thenable)).toBe(thenable);
    expect(tracker.size).toBe(1);
    expect(await tracker.whenAll()).toBe(true);
    expect(tracker.size).toBe(0);
  });

  test('refuses anything else', () => {
    const tracker = new PromiseTracker();
    expect(() => tracker.put(42 as unknown as Promise<void>)).toThrow(
      'Expected `promise` to be a promise, got `42` (number)',
    );
    expect(tracker.size).toBe(0);
  });
});

describe('whenAll', () => {
  test('of three promises of 0.5 s takes 0.5 s, and a second wait is immediate', async () => {
    const tracker = new PromiseTracker();
    for (let i = 0; i < 3; i++) tracker.put(sleep(500));
    expect(await timed(tracker.whenAll())).toEqual({ value: true, after: 500 });
    expect(await timed(tracker.whenAll())).toEqual({ value: true, after: 0 });
  });

  test('waits for those too that are put meanwhile', async () => {
    const tracker = new PromiseTracker();
    const chained = async () => {
      await sleep(10);
      tracker.put(sleep(10));
    };
    tracker.put(chained());
    tracker.put(sleep(15));
    expect(await timed(tracker.whenAll())).toEqual({ value: true, after: 20 });
  });

  test('is false on time-out, and can be called again', async () => {
    const tracker = new PromiseTracker();
    tracker.put(sleep(30));
    expect(await timed(tracker.whenAll({ timeout: 10 }))).toMatchObject({ value: false });
    tracker.put(sleep(30));
    expect(await timed(tracker.whenAll({ timeout: 100 }))).toEqual({ value: true, after: 30 });
  });
});

describe('whenAny', () => {
  test('is true when the first has settled', async () => {
    const tracker = new PromiseTracker();
    tracker.put(sleep(30));
    tracker.put(sleep(10));
    expect(await timed(tracker.whenAny())).toEqual({ value: true, after: 10 });
  });

  test('and whenAll side by side both work', async () => {
    const tracker = new PromiseTracker();
    for (const duration of [10, 20, 30]) tracker.put(sleep(duration));
    const order: string[] = [];
    const waits = [
      tracker.whenAll().then(() => order.push(`all ${tracker.size}`)),
      tracker.whenAny().then(() => order.push(`any ${tracker.size}`)),
      tracker.whenAny().then(() => order.push(`any ${tracker.size}`)),
    ];
    await vi.runAllTimersAsync();
    await Promise.all(waits);
    expect(order).toEqual(['any 2', 'any 2', 'all 0']);
  });
});

describe('whenFewer', () => {
  test('of 100 random promises, whenFewer(50): true with fewer than 50 left', async () => {
    const tracker = new PromiseTracker();
    for (let i = 0; i < 100; i++) tracker.put(sleep((i * 7919) % 101));
    let left = Number.NaN;
    const wait = tracker.whenFewer(50).then((value) => {
      left = tracker.size;
      return value;
    });
    await vi.runAllTimersAsync();
    expect(await wait).toBe(true);
    expect(left).toBeLessThan(50);
    expect(left).toBeGreaterThan(0);
  });

  test('of several numbers, each comes true at its own time', async () => {
    const tracker = new PromiseTracker();
    for (const duration of [10, 20, 30, 40]) tracker.put(sleep(duration));
    const ends: string[] = [];
    const begin = Date.now();
    for (const n of [1, 2, 2, 3, 5]) {
      void tracker.whenFewer(n).then(() => ends.push(`${n}: ${Date.now() - begin}`));
    }
    await vi.runAllTimersAsync();
    expect(ends).toEqual(['5: 0', '3: 20', '2: 30', '2: 30', '1: 40']);
  });

  test.each([
    [0, RangeError],
    [1.5, RangeError],
    ['1', TypeError],
  ])('of %j is refused', async (n, error) => {
    await expect(new PromiseTracker().whenFewer(n as number)).rejects.toThrow(error);
  });
});

describe('quit', () => {
  test('gives every waiter true, now and later', async () => {
    const tracker = new PromiseTracker();
    tracker.put(new Promise(() => {}));
    tracker.put(new Promise(() => {}));
    const waits = [tracker.whenAll({ timeout: 1000 }), tracker.whenAny(), tracker.whenFewer(2)];
    tracker.quit();
    expect(await Promise.all(waits)).toEqual([true, true, true]);
    expect(vi.getTimerCount()).toBe(0);
    expect(await tracker.whenAll()).toBe(true);
    expect(await tracker.whenFewer(1)).toBe(true);
    expect(tracker.size).toBe(2);
  });
});

describe('a signal', () => {
  test('rejects the wait with its reason, and nothing else', async () => {
    const tracker = new PromiseTracker();
    tracker.put(sleep(10));
    const abort = new AbortController();
    const aborted = tracker.whenAll({ signal: abort.signal, timeout: 100 });
    const other = tracker.whenAll();
    abort.abort('enough');
    await expect(aborted).rejects.toBe('enough');
    expect(await timed(other)).toEqual({ value: true, after: 10 });
  });

  test('aborted before rejects at once', async () => {
    await expect(new PromiseTracker().whenAny({ signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
  });

  test('is let go of with the wait', async () => {
    const { signal } = new AbortController();
    const [added, removed] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
    const tracker = new PromiseTracker();
    tracker.put(sleep(10));
    await timed(Promise.all([tracker.whenAll({ signal }), tracker.whenAny({ signal, timeout: 1 })]));
    expect(added).toHaveBeenCalledTimes(2);
    expect(removed).toHaveBeenCalledTimes(2);
  });
});

test.each([
  [{ timeout: -1 }, RangeError],
  [{ timeout: '1' }, TypeError],
  [{ signal: {} }, TypeError],
  [null, TypeError],
])('refuses %j', async (options, error) => {
  await expect(new PromiseTracker().whenAll(options as object)).rejects.toThrow(error);
});

test('a time-out of Infinity is none', async () => {
  const tracker = new PromiseTracker();
  tracker.put(sleep(10));
  expect(await timed(tracker.whenAll({ timeout: Number.POSITIVE_INFINITY }))).toEqual({ value: true, after: 10 });
});

test('await using waits for all', async () => {
  vi.useRealTimers();
  const ended = vi.fn();
  {
    await using tracker = new PromiseTracker();
    tracker.put(new Promise<void>((resolve) => setImmediate(resolve)).then(ended));
  }
  expect(ended).toHaveBeenCalledOnce();
});

test('100,000 promises wake each waiter once, and nothing of them is kept', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  vi.useRealTimers();
  const tracker = new PromiseTracker();
  const results: WeakRef<object>[] = [];
  const settlers = Array.from({ length: 100_000 }, (_, i) => {
    const { promise, resolve } = deferred<object>();
    tracker.put(promise);
    return () => {
      const result = {};
      if (i % 1000 === 999) results.push(new WeakRef(result));
      resolve(result);
    };
  });
  // A function of its own: this one's frame, which outlives every await, would keep the last one it called.
  const settleNext = (count: number) => {
    for (const settle of settlers.splice(0, count)) settle();
  };
  const wakes = vi.fn();
  const halfway = tracker.whenFewer(50_000).then(wakes);
  expect(tracker.size).toBe(100_000);
  settleNext(50_001);
  await halfway;
  expect(tracker.size).toBe(49_999);
  settleNext(49_999);
  expect(await tracker.whenAll()).toBe(true);
  expect(tracker.size).toBe(0);
  expect(wakes).toHaveBeenCalledOnce();
  // A WeakRef holds on to what it was asked for until the macrotask ends.
  await new Promise(setImmediate);
  collect();
  expect(results).toHaveLength(100);
  expect(results.filter((result) => result.deref() !== undefined)).toEqual([]);
});
