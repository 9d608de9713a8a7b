import { AsyncQueue, AsyncWorker, type CallOptions, isNiceqError, type LimitRule, TaskQueue } from 'niceq';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Attempt } from '../../../src/handler/attempt.js';
import { Scheduler } from '../../../src/scheduling/scheduler.js';
import { errorOf, ManualWorker, manual, nothing, queueOf, settled } from './helpers.js';

describe('A paused queue', () => {
  test('starts nothing until it is resumed', async () => {
    const { queue, worker } = await manual();
    expect([queue.isPaused, queue.isRunning]).toEqual([false, true]);
    queue.pause();
    expect([queue.isPaused, queue.isRunning]).toEqual([true, false]);
    queue.submit(nothing, [], { id: 'a' });
    await settled();
    expect([worker.given, queue.size]).toEqual([[], 1]);
    queue.resume();
    await settled();
    expect([worker.given, queue.size]).toEqual([['a'], 0]);
  });

  test('lets go on what has started, and takes back what is only held', async () => {
    const { queue, worker } = await manual({ ahead: 5 });
    const handles = ['a', 'b', 'c'].map((id) => queue.submit(nothing, [], { id }));
    await settled();
    queue.pause();
    await settled();
    expect([worker.held, queue.size, queue.pending]).toEqual([[], 2, 1]);
    worker.done(1);
    expect(await handles[0]?.promise).toBe(1);
    await settled();
    expect(worker.given).toEqual(['a', 'b', 'c']);
    expect(worker.running).toEqual([]);
  });

  test('is what `autoStart: false` makes', async () => {
    const queue = queueOf([new AsyncWorker()], { autoStart: false });
    expect([queue.isPaused, queue.isRunning]).toEqual([true, false]);
    const handle = queue.submit(() => 1);
    await settled();
    expect(handle.state).toBe('queued');
    queue.resume();
    expect(await handle.promise).toBe(1);
  });
});

describe('capacity', () => {
  test('is the sum of the concurrency of the workers, without look-ahead', async () => {
    const queue = queueOf([new ManualWorker({ concurrency: 2, ahead: 9 }), new ManualWorker({ concurrency: 3 })]);
    await settled();
    expect(queue.capacity).toBe(5);
    await queue.detachWorker(1);
    expect(queue.capacity).toBe(3);
  });

  test('of an AsyncQueue can be changed', async () => {
    const queue = new AsyncQueue({ concurrency: 1 });
    const releases: (() => void)[] = [];
    const wait = () => new Promise<void>((resolve) => releases.push(resolve));
    for (let i = 0; i < 4; i++) queue.submit(wait);
    await settled();
    expect([queue.concurrency, queue.capacity, queue.pending]).toEqual([1, 1, 1]);
    queue.concurrency = 3;
    await settled();
    expect([queue.capacity, queue.pending]).toEqual([3, 3]);
    queue.concurrency = 1;
    releases[0]?.();
    await settled();
    expect(queue.pending).toBe(2);
    for (const concurrency of [0, -1, 1.5, Number.NaN]) {
      expect(() => {
        queue.concurrency = concurrency;
      }).toThrow(RangeError);
    }
    await queue.shutdown({ mode: 'crash' });
  });

  test('of an AsyncQueue is unlimited if nothing else was said', async () => {
    const queue = new AsyncQueue();
    expect([queue.concurrency, queue.capacity]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    let running = 0;
    for (let i = 0; i < 500; i++) {
      void queue
        .call(() => {
          running += 1;
          return new Promise<void>(() => {});
        })
        .catch(nothing);
    }
    await settled();
    expect(running).toBe(500);
    await queue.shutdown({ mode: 'crash' });
  });
});

describe('size and pending', () => {
  test('know waiting, held, running and delayed tasks', async () => {
    const { queue, worker } = await manual({ ahead: 1 });
    for (const series of ['a', 'a', 'b', 'a'])
      queue.submit(nothing, [], { series, retry: { error: 1, delay: 10_000 } });
    await settled();
    expect([queue.size, queue.pending, queue.sizeOf('a') + queue.sizeOf('b')]).toEqual([3, 1, 3]);
    worker.fail(new Error('x'));
    await settled();
    expect([queue.size, queue.pending, queue.sizeOf('a') + queue.sizeOf('b')]).toEqual([3, 1, 3]);
    expect(queue.sizeOf('nobody')).toBe(0);
  });
});

describe('Promises for a state', () => {
  test('resolve at once when it is there', async () => {
    const queue = queueOf();
    await Promise.all([queue.onIdle(), queue.onEmpty(), queue.onSizeLessThan(1)]);
  });

  test('resolve when it comes about', async () => {
    const { queue, worker } = await manual();
    const heard: string[] = [];
    for (let i = 0; i < 3; i++) queue.submit(nothing);
    void queue.onSizeLessThan(2).then(() => heard.push('fewer than 2'));
    void queue.onEmpty().then(() => heard.push('empty'));
    void queue.onIdle().then(() => heard.push('idle'));
    await settled();
    expect(heard).toEqual([]);
    worker.done();
    await settled();
    expect(heard).toEqual(['fewer than 2']);
    worker.done();
    await settled();
    expect(heard).toEqual(['fewer than 2', 'empty']);
    worker.done();
    await settled();
    expect(heard).toEqual(['fewer than 2', 'empty', 'idle']);
  });

  test('resolve when what waited is cancelled, or the queue ends', async () => {
    const queue = queueOf([]);
    queue.submit(nothing);
    const idle = queue.onIdle();
    queue.cancelAll();
    await idle;
    queue.submit(nothing);
    const again = queue.onIdle();
    await queue.shutdown();
    await again;
  });

  test('refuse a size that is none', async () => {
    const queue = queueOf([]);
    for (const n of [0, -1, 1.5, Number.NaN]) expect(await errorOf(queue.onSizeLessThan(n))).toBeInstanceOf(RangeError);
    expect(await errorOf(queue.onSizeLessThan('1' as unknown as number))).toBeInstanceOf(TypeError);
  });
});

describe('maxQueued', () => {
  test('refuses what is beyond it, with a failed handle', async () => {
    const { queue, worker } = await manual({}, { maxQueued: 2 });
    queue.submit(nothing);
    await settled();
    const waiting = [queue.submit(nothing), queue.submit(nothing)];
    const refused = queue.submit(nothing);
    expect(refused.state).toBe('failed');
    expect(isNiceqError(await errorOf(refused.promise), 'ERR_QUEUE_FULL')).toBe(true);
    expect(isNiceqError(await errorOf(queue.call(nothing)), 'ERR_QUEUE_FULL')).toBe(true);
    expect(queue.size).toBe(2);
    waiting[0]?.cancel();
    expect(queue.submit(nothing).state).toBe('queued');
    worker.done();
    await settled();
    expect(queue.submit(nothing).state).toBe('queued');
  });

  test('never refuses a task that is run again or given back', async () => {
    const { queue, worker } = await manual({ ahead: 1 }, { maxQueued: 1 });
    const handle = queue.submit(nothing, [], { retry: { error: 1 }, id: 'a' });
    await settled();
    queue.submit(nothing, [], { id: 'b' });
    await settled();
    worker.fail(new Error('x'));
    await settled();
    expect([handle.state, queue.size]).not.toContain('failed');
    queue.pause();
    await settled();
    expect(['queued', 'running']).toContain(handle.state);
  });
});

describe('maxQueued counts what waits', () => {
  const states = (queue: TaskQueue, count: number, options: CallOptions = {}) =>
    Array.from({ length: count }, () => queue.submit(nothing, [], options).state);
  const taken = (queue: TaskQueue, count: number, options: CallOptions = {}) =>
    states(queue, count, options).filter((state) => state === 'queued').length;

  test('beyond the places that are free', async () => {
    const { queue } = await manual({ concurrency: 2 }, { maxQueued: 3 });
    expect(taken(queue, 9)).toBe(5);
    await settled();
    expect([queue.pending, queue.size]).toEqual([2, 3]);
    expect(taken(queue, 1)).toBe(0);
  });

  test('when a limit leaves no use for the places that are free', async () => {
    const queue = queueOf([new AsyncWorker({ concurrency: Number.POSITIVE_INFINITY })], { maxQueued: 3 });
    await settled();
    queue.limit({ concurrency: 1 });
    expect(taken(queue, 9)).toBe(4);
    queue.cancelAll();
    queue.limit({ rate: { count: 2, interval: 60_000 } });
    expect(taken(queue, 9)).toBe(5);
    await settled();
    expect(taken(queue, 9)).toBe(0);
    queue.cancelAll();
    queue.limit(null);
    queue.limitSeries('a', { concurrency: 2 });
    expect(taken(queue, 9, { series: 'a' })).toBe(5);
  });

  test('when the workers that are free may not serve it, or the queue is paused', async () => {
    const queue = queueOf([new AsyncWorker({ concurrency: 100, series: ['a'] })], { maxQueued: 3 });
    await settled();
    expect(taken(queue, 9, { series: 'b' })).toBe(3);
    queue.cancelAll();
    queue.pause();
    expect(taken(queue, 9, { series: 'a' })).toBe(3);
  });

  test('without what one worker holds taking the place that another has free', async () => {
    const [busy, idle] = [new ManualWorker({ ahead: 9 }), new ManualWorker({ series: ['b'] })];
    const queue = queueOf([busy, idle], { maxQueued: 5 });
    await settled();
    for (let i = 0; i < 5; i++) queue.submit(nothing);
    await settled();
    expect([queue.pending, queue.size]).toEqual([1, 4]);
    expect(taken(queue, 9, { series: 'b' })).toBe(2);
  });

  test('of any kind of worker, when those of another are free', async () => {
    const slow = new ManualWorker({ kind: 'slow' });
    const queue = queueOf([slow, new AsyncWorker({ concurrency: Number.POSITIVE_INFINITY })], { maxQueued: 3 });
    await settled();
    expect(taken(queue, 50, { on: 'slow' })).toBe(4);
    await settled();
    expect([queue.pending, queue.size, taken(queue, 9, { on: 'slow' })]).toEqual([1, 3, 0]);
    // These are about to start.
    expect(taken(queue, 50, { on: 'async' })).toBe(50);
    slow.done();
    await settled();
    expect(taken(queue, 9, { on: 'slow' })).toBe(1);
  });

  test('of any series, when those who serve another are free', async () => {
    const [busy, idle] = [new ManualWorker({ series: ['a'] }), new ManualWorker({ series: ['b'], concurrency: 9 })];
    const queue = queueOf([busy, idle], { maxQueued: 2 });
    await settled();
    expect(taken(queue, 5, { series: 'a' })).toBe(3);
    expect(taken(queue, 20, { series: 'b' })).toBe(9);
    expect(taken(queue, 5, { series: 'nobody serves' })).toBe(0);
  });

  test('without what starts elsewhere in the same turn', async () => {
    const slow = new ManualWorker({ kind: 'slow', concurrency: 10 });
    const queue = queueOf([slow, new ManualWorker()], { maxQueued: 3 });
    await settled();
    expect(taken(queue, 5, { on: 'slow' })).toBe(5);
    expect(taken(queue, 9, { on: 'manual' })).toBe(4);
    expect(taken(queue, 9, { on: 'slow' })).toBe(5);
    await settled();
    expect([queue.pending, queue.size]).toEqual([11, 3]);
  });

  test('as if what many may run left the others what only they may', async () => {
    const queue = queueOf([new ManualWorker(), new ManualWorker({ kind: 'slow' })], { maxQueued: 1 });
    await settled();
    const kinds = [undefined, 'manual', 'slow', 'slow', undefined];
    const states = kinds.map((on) => queue.submit(nothing, [], { ...(on === undefined ? {} : { on }) }).state);
    expect(states).toEqual(['queued', 'queued', 'queued', 'failed', 'failed']);
  });

  test('without what runs beyond a limit that came later', async () => {
    const queue = new AsyncQueue({ concurrency: 5, maxQueued: 3, workers: [new ManualWorker({ concurrency: 4 })] });
    onTestFinished(async () => void (await queue.shutdown({ mode: 'crash' })));
    for (let i = 0; i < 5; i++) queue.submit(() => new Promise(nothing), [], { on: 'async' });
    await settled();
    queue.concurrency = 1;
    expect(taken(queue, 20, { on: 'manual' })).toBe(7);
    await settled();
    expect([queue.pending, queue.size]).toEqual([9, 3]);
  });

  test('when what waits of a limited series leaves what the limit allows to others of it', async () => {
    const slow = new ManualWorker({ kind: 'slow' });
    const queue = queueOf([slow, new ManualWorker({ concurrency: 5 })], { maxQueued: 2 });
    await settled();
    queue.submit(nothing, [], { on: 'slow' });
    await settled();
    queue.limitSeries('a', { concurrency: 2 });
    expect(taken(queue, 9, { on: 'slow', series: 'a' })).toBe(2);
    expect(taken(queue, 9, { on: 'manual', series: 'a' })).toBe(2);
    await settled();
    expect([queue.pending, queue.size]).toEqual([3, 2]);
  });

  test('but not what a worker has a place for, and begins later', async () => {
    const late = new ManualWorker({ concurrency: 9 });
    late.run = ({ id }) => void late.given.push(id);
    const queue = queueOf([late], { maxQueued: 2 });
    await settled();
    for (let i = 0; i < 9; i++) {
      expect(taken(queue, 1)).toBe(1);
      await settled();
    }
    expect([late.given.length, queue.size, queue.pending]).toEqual([9, 9, 0]);
    expect(taken(queue, 9)).toBe(2);
  });

  test('but not what is run again, which leaves the places that it can not use to others', async () => {
    const { queue, worker } = await manual({ concurrency: 2 }, { maxQueued: 1 });
    for (const id of ['first', 'again']) queue.submit(nothing, [], { series: 'a', retry: { error: 1 }, id });
    await settled();
    queue.limitSeries('a', { concurrency: 1 });
    worker.fail(new Error('again'), 'again');
    await settled();
    expect([queue.pending, queue.size]).toEqual([1, 1]);
    expect(taken(queue, 9, { series: 'b' })).toBe(2);
  });

  test('but not what is run again', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { queue, worker } = await manual({ concurrency: 2 }, { maxQueued: 2 });
    for (const delay of [1000, 0]) queue.submit(nothing, [], { retry: { error: 1, delay } });
    await settled();
    for (const _ of worker.running.slice()) worker.fail(new Error('again'));
    queue.pause();
    await settled();
    expect(queue.size).toBe(2);
    expect(taken(queue, 9)).toBe(2);
  });
});

describe('Limits', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const pass = async (time: number) => {
    await vi.advanceTimersByTimeAsync(time);
    await settled();
  };

  test('of concurrency hold for the whole queue', async () => {
    const { queue, worker } = await manual({ concurrency: 5 });
    queue.limit({ concurrency: 2 });
    for (let i = 0; i < 5; i++) queue.submit(nothing);
    await settled();
    expect([queue.pending, queue.size]).toEqual([2, 3]);
    worker.done();
    await settled();
    expect([queue.pending, queue.size]).toEqual([2, 2]);
    queue.limit({ concurrency: 3 });
    await settled();
    expect([queue.pending, queue.size]).toEqual([3, 1]);
    queue.limit(null);
    await settled();
    expect([queue.pending, queue.size]).toEqual([4, 0]);
  });

  test('of concurrency hold for one series, and leave the others alone', async () => {
    const { queue, worker } = await manual({ concurrency: 9 });
    queue.limitSeries('a', { concurrency: 1 });
    for (const [i, series] of ['a', 'a', 'b', 'b', 'a'].entries())
      queue.submit(nothing, [], { series, id: `${series}${i}` });
    await settled();
    expect(new Set(worker.given)).toEqual(new Set(['a0', 'b2', 'b3']));
    worker.done(0, 'a0');
    await settled();
    expect(worker.given.at(-1)).toBe('a1');
    queue.limitSeries('a', null);
    await settled();
    expect(worker.given.at(-1)).toBe('a4');
  });

  test('of rate let so many start in each interval', async () => {
    const { queue, worker } = await manual({ concurrency: 99 });
    queue.limit({ rate: { count: 3, interval: 1000 } });
    for (let i = 0; i < 8; i++) queue.submit(nothing);
    await settled();
    expect(worker.given).toHaveLength(3);
    await pass(900);
    expect(worker.given).toHaveLength(3);
    await pass(200);
    expect(worker.given).toHaveLength(6);
    await pass(1100);
    expect(worker.given).toHaveLength(8);
  });

  test('of rate count a start from when it is, however long what started before it took', async () => {
    const queue = queueOf([new AsyncWorker({ concurrency: 9 })]);
    await settled();
    queue.limit({ rate: { count: 2, interval: 1000 } });
    const starts: number[] = [];
    const begin = performance.now();
    const take = (time: number) => () => {
      starts.push(performance.now() - begin);
      vi.advanceTimersByTime(time);
    };
    const calls = [900, 0, 0, 0].map((time) => queue.call(take(time)));
    await settled();
    for (let i = 0; i < 40; i++) await pass(50);
    await Promise.all(calls);
    for (const [i, start] of starts.slice(2).entries())
      expect(start - (starts[i] as number)).toBeGreaterThanOrEqual(1000);
  });

  test('of rate hold for one series', async () => {
    const { queue, worker } = await manual({ concurrency: 99 });
    queue.limitSeries('a', { rate: { count: 1, interval: 1000 } });
    for (const series of ['a', 'a', 'b', 'b']) queue.submit(nothing, [], { series, id: series });
    await settled();
    expect(worker.given).toEqual(['a', 'b', 'b']);
    await pass(1001);
    expect(worker.given).toEqual(['a', 'b', 'b', 'a']);
  });

  test('that are none are refused', () => {
    const queue = queueOf([]);
    const rules: [unknown, typeof TypeError | typeof RangeError][] = [
      [undefined, TypeError],
      [5, TypeError],
      [[], TypeError],
      [{ concurrency: 0 }, RangeError],
      [{ concurrency: '1' }, TypeError],
      [{ rate: 5 }, TypeError],
      [{ rate: { count: 0, interval: 1 } }, RangeError],
      [{ rate: { count: 1, interval: 0 } }, RangeError],
      [{ rate: { count: 1 } }, TypeError],
      [{ rate: { interval: 1 } }, TypeError],
    ];
    for (const [rule, type] of rules) {
      expect(() => queue.limit(rule as LimitRule)).toThrow(type);
      expect(() => queue.limitSeries('a', rule as LimitRule)).toThrow(type);
    }
  });
});

describe('stats()', () => {
  test('is plain data by state, series and worker', async () => {
    const { queue, worker } = await manual({ concurrency: 3 });
    const failing = queue.submit(nothing, [], { id: 'fails', series: 'a' });
    queue.submit(nothing, [], { id: 'done', series: 'a' });
    queue.submit(nothing, [], { series: 'b' });
    queue.submit(nothing, [], { series: 'b' }).cancel();
    await settled();
    worker.fail(new Error('x'), 'fails');
    worker.done(1, 'done');
    await settled();
    await errorOf(failing.promise);
    const stats = queue.stats();
    expect(structuredClone(stats)).toEqual(stats);
    expect(stats).toMatchObject({ waiting: 0, started: 1, done: 1, failed: 1, cancelled: 1 });
    expect(stats.wait.count).toBe(2);
    expect(stats.series.find(({ series }) => series === 'a')).toMatchObject({ done: 1, failed: 1, started: 0 });
    expect(stats.series.find(({ series }) => series === 'b')).toMatchObject({ cancelled: 1 });
    expect(stats.workers).toMatchObject([{ id: 1, kind: 'manual', done: 1, failed: 1, started: 1 }]);
    const [{ utilization = -1 } = {}] = stats.workers;
    expect(utilization).toBeGreaterThanOrEqual(0);
    expect(utilization).toBeLessThanOrEqual(1);
  });

  test('is bounded, however many series there were', async () => {
    const queue = queueOf([new AsyncWorker()]);
    await Promise.all(Array.from({ length: 3000 }, (_, series) => queue.call(nothing, [], { series })));
    const { series, otherSeries, done } = queue.stats();
    expect([series.length, otherSeries.done, done]).toEqual([1000, 2000, 3000]);
  });

  test('counts anew what a series does after it has become one of the others', async () => {
    const queue = queueOf([new AsyncWorker()]);
    const call = (series: unknown) => queue.call(nothing, [], { series });
    await call('first');
    await Promise.all(Array.from({ length: 2000 }, (_, series) => call(series)));
    await call('first');
    const { series, otherSeries, done } = queue.stats();
    expect(series[0]).toMatchObject({ series: 'first', done: 1, run: { count: 1 } });
    expect([otherSeries.done, done]).toEqual([1002, 2002]);
  });

  test('tells of series of which nothing has ended', async () => {
    const { queue } = await manual({ ahead: 1 });
    for (const series of ['a', 'a', 'b']) queue.submit(nothing, [], { series });
    await settled();
    expect(queue.stats().series).toMatchObject([
      { series: 'a', waiting: 1, started: 1 },
      { series: 'b', waiting: 1, started: 0 },
    ]);
    expect([queue.sizeOf('a'), queue.sizeOf('b')]).toEqual([1, 1]);
  });

  test('tells of the series that are active before those that were', async () => {
    const { queue, worker } = await manual();
    const end = async (series: unknown) => {
      queue.submit(nothing, [], { series });
      await settled();
      worker.done();
    };
    for (let i = 0; i < 1001; i++) await end(i);
    for (const series of ['runs', 'waits']) queue.submit(nothing, [], { series });
    await settled();
    const { series, otherSeries, done, started, waiting } = queue.stats();
    expect(series.slice(0, 3)).toMatchObject([
      { series: 'runs', started: 1 },
      { series: 'waits', waiting: 1 },
      { series: 1000, done: 1 },
    ]);
    expect([series.length, done, started, waiting]).toEqual([1000, 1001, 1, 1]);
    // Those that ended first.
    expect(series.at(-1)?.series).toBe(3);
    expect([otherSeries.done, otherSeries.started, otherSeries.run.count]).toEqual([3, 0, 3]);
  });

  test('tells of a series that runs before a thousand that wait', async () => {
    const { queue } = await manual();
    for (let i = 0; i < 2000; i++) queue.submit(nothing, [], { series: i });
    await settled();
    const { series, otherSeries } = queue.stats();
    expect(series[0]).toMatchObject({ series: 0, started: 1 });
    expect([series.length, otherSeries.waiting, otherSeries.started]).toEqual([1000, 1000, 0]);
  });

  test('counts no update among the tasks of a worker', async () => {
    const { queue, worker } = await manual();
    const update = queue.update(nothing);
    await settled();
    expect(worker.running).toHaveLength(1);
    const { started, waiting, workers } = queue.stats();
    expect(workers).toMatchObject([{ started, waiting }]);
    expect([started, waiting]).toEqual([0, 0]);
    worker.done();
    await update;
  });

  test('looks at none of those that wait, and at the others a few times, however many series there are', async () => {
    const { queue } = await manual({ concurrency: 100 });
    for (let i = 0; i < 300; i++) queue.submit(nothing, [], { series: i % 100 });
    await settled();
    onTestFinished(() => void vi.restoreAllMocks());
    const looksAtWaiting = vi.spyOn(Scheduler.prototype, 'jobs');
    const looks = vi.spyOn(Attempt.prototype, 'isCurrent', 'get');
    const { series } = queue.stats();
    expect(series).toHaveLength(100);
    for (const of of series) expect(of).toMatchObject({ waiting: 2, started: 1 });
    expect(looksAtWaiting).not.toHaveBeenCalled();
    expect(looks.mock.calls.length).toBeLessThanOrEqual(300);
  });

  test('counts what a task ran, not how long it then waited to be run again, in vain', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing, [], { retry: { error: 1, delay: 60_000 } });
    await settled();
    const assignment = worker.find();
    assignment.started(1000);
    assignment.fail(new Error('x'), 1010);
    handle.cancel();
    expect(queue.stats().run).toMatchObject({ count: 1, max: 10 });
    expect(handle.endedAt).toBeGreaterThan(1010);
  });

  test('measures times between what the tasks took', async () => {
    const { queue, worker } = await manual();
    for (const time of [10, 20, 30]) {
      queue.submit(nothing);
      await settled();
      const assignment = worker.find();
      worker.running.length = 0;
      assignment.started(1000);
      assignment.done(0, 1000 + time);
    }
    const { run } = queue.stats();
    expect([run.count, run.max]).toEqual([3, 30]);
    expect(run.mean).toBeCloseTo(20);
    expect(Math.abs(run.p50 - 20) / 20).toBeLessThan(0.07);
    expect(Math.abs(run.p99 - 30) / 30).toBeLessThan(0.07);
  });

  test('measures all times, of however many tasks, and whenever somebody looks', async () => {
    const { queue, worker } = await manual();
    for (let time = 1; time <= 100; time++) {
      queue.submit(nothing, [], { series: 'a' });
      await settled();
      const assignment = worker.find();
      worker.running.length = 0;
      assignment.started(1000);
      assignment.done(0, 1000 + time);
      if (time % 7 === 0) expect(queue.stats().run).toMatchObject({ count: time, mean: (time + 1) / 2, max: time });
    }
    const { run, series, workers } = queue.stats();
    expect(run.count).toBe(100);
    expect(Math.abs(run.p50 - 50) / 50).toBeLessThan(0.07);
    expect(Math.abs(run.p99 - 99) / 99).toBeLessThan(0.07);
    expect(series).toMatchObject([{ wait: { count: 100 }, run }]);
    expect(workers).toMatchObject([{ wait: { count: 100 }, run }]);
  });
});

test('A queue without workers is a queue', async () => {
  const queue = new TaskQueue();
  expect([queue.size, queue.pending, queue.capacity, queue.workers()]).toEqual([0, 0, 0, []]);
  const handle = queue.submit(() => 1);
  await settled();
  expect(handle.state).toBe('queued');
  await queue.attachWorker(new AsyncWorker());
  expect(await handle.promise).toBe(1);
  await queue.shutdown();
});
