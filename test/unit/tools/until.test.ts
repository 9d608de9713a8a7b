import { type UntilOptions, until } from 'niceq';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A predicate that is true from its nth call on, and the fake times of its calls. */
function trueAtCall(n: number) {
  const begin = Date.now();
  const times: number[] = [];
  return {
    times,
    predicate: () => {
      times.push(Date.now() - begin);
      return times.length >= n;
    },
  };
}

test('the first look is at once: what is so already takes no time', async () => {
  const { predicate, times } = trueAtCall(1);
  const wait = until(predicate);
  expect(times).toEqual([0]);
  expect(await wait).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test('the second look comes as soon as the event loop comes round', async () => {
  const { predicate, times } = trueAtCall(2);
  const wait = until(predicate, { interval: 1000 });
  await vi.advanceTimersByTimeAsync(0);
  expect(await wait).toBe(true);
  expect(times).toEqual([0, 0]);
});

test('after two quick looks the intervals grow by the backoff', async () => {
  const { predicate, times } = trueAtCall(6);
  const wait = until(predicate, { interval: 100, backoff: 1.3 });
  await vi.runAllTimersAsync();
  expect(await wait).toBe(true);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  expect(gaps).toEqual([0, 100, 130, 169, 219]);
});

test('with a backoff of 1 the intervals stay the same', async () => {
  const { predicate, times } = trueAtCall(5);
  const wait = until(predicate, { interval: 10, backoff: 1 });
  await vi.runAllTimersAsync();
  expect(await wait).toBe(true);
  expect(times).toEqual([0, 0, 10, 20, 30]);
});

test('by default they begin with 1 ms and grow by a tenth: a minute takes less than 100 looks', async () => {
  const { predicate, times } = trueAtCall(Number.POSITIVE_INFINITY);
  const wait = until(predicate, { timeout: 60_000 });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await wait).toBe(false);
  expect(times[2]).toBe(1);
  expect(times.length).toBeLessThan(100);
});

test('is false when the time has run out, and looks no more', async () => {
  const predicate = vi.fn(() => false);
  const wait = until(predicate, { interval: 30, timeout: 100, backoff: 1 });
  await vi.advanceTimersByTimeAsync(100);
  expect(await wait).toBe(false);
  const count = predicate.mock.calls.length;
  await vi.advanceTimersByTimeAsync(1000);
  expect(predicate).toHaveBeenCalledTimes(count);
  expect(vi.getTimerCount()).toBe(0);
});

test('takes a last look when the time runs out', async () => {
  let isSo = false;
  const wait = until(() => isSo, { interval: 1000, timeout: 100 });
  await vi.advanceTimersByTimeAsync(50);
  isSo = true;
  await vi.advanceTimersByTimeAsync(50);
  expect(await wait).toBe(true);
});

test('awaits a predicate that returns a promise, and looks no second time meanwhile', async () => {
  const answers: ((answer: boolean) => void)[] = [];
  const wait = until(() => new Promise<boolean>((resolve) => answers.push(resolve)), { timeout: 10_000 });
  await vi.advanceTimersByTimeAsync(1000);
  expect(answers).toHaveLength(1);
  answers[0]?.(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(answers).toHaveLength(2);
  answers[1]?.(true);
  expect(await wait).toBe(true);
});

test('a predicate whose promise never settles is timed out too', async () => {
  const predicate = vi.fn(() => new Promise<boolean>(() => {}));
  const wait = until(predicate, { timeout: 100 });
  await vi.advanceTimersByTimeAsync(100);
  expect(await wait).toBe(false);
  expect(predicate).toHaveBeenCalledOnce();
});

test.each([1, 2, 3])('rejects with what the predicate throws at call %i', async (n) => {
  let calls = 0;
  const wait = until(() => {
    if (++calls === n) throw new Error('no such file');
    return false;
  });
  const rejected = expect(wait).rejects.toThrow('no such file');
  await vi.runAllTimersAsync();
  await rejected;
  expect(vi.getTimerCount()).toBe(0);
});

test('rejects with what the predicate throws at the last look', async () => {
  let isLast = false;
  const wait = until(
    () => {
      if (isLast) throw new Error('no such file');
      return false;
    },
    { interval: 1000, timeout: 100 },
  );
  const rejected = expect(wait).rejects.toThrow('no such file');
  await vi.advanceTimersByTimeAsync(50);
  isLast = true;
  await vi.advanceTimersByTimeAsync(50);
  await rejected;
});

test('a signal rejects it with its reason', async () => {
  const abort = new AbortController();
  const predicate = vi.fn(() => false);
  const wait = until(predicate, { signal: abort.signal });
  const rejected = expect(wait).rejects.toBe('enough');
  await vi.advanceTimersByTimeAsync(10);
  abort.abort('enough');
  await rejected;
  expect(vi.getTimerCount()).toBe(0);
});

test('a signal aborted before rejects without a look', async () => {
  const predicate = vi.fn(() => true);
  await expect(until(predicate, { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
  expect(predicate).not.toHaveBeenCalled();
});

test.each([
  [{ backoff: 0.99 }, RangeError],
  [{ backoff: 1.31 }, RangeError],
  [{ backoff: Number.NaN }, RangeError],
  [{ backoff: '1.1' }, TypeError],
  [{ interval: 0 }, RangeError],
  [{ timeout: -1 }, RangeError],
  [null, TypeError],
])('refuses %j', async (options, error) => {
  await expect(until(() => true, options as UntilOptions)).rejects.toThrow(error);
});

test('refuses what is no predicate', async () => {
  await expect(until(true as unknown as () => boolean)).rejects.toThrow(
    'Expected `predicate` to be a function, got `true` (boolean)',
  );
});
