import { AsyncQueue, isNiceqError, ProcessQueue, type TaskQueue, ThreadQueue } from 'niceq';
import { describe, expect, onTestFinished, test } from 'vitest';
import { errorOf, makeBench, tasks } from './conformance/conformance.js';

type Size = number | { min?: number; max?: number; idleTimeout?: number };

const kinds = [
  ['ThreadQueue', (threads: Size, options: object = {}) => new ThreadQueue({ threads, ...options })],
  ['ProcessQueue', (processes: Size, options: object = {}) => new ProcessQueue({ processes, ...options })],
] as const;

const bench = makeBench();

function ended<Q extends TaskQueue>(queue: Q): Q {
  onTestFinished(async () => {
    await queue.shutdown({ mode: 'crash' });
  });
  return queue;
}

/** Resolves when so many workers have been dismissed. */
function departures(queue: TaskQueue, count: number): Promise<void> {
  let departed = 0;
  return new Promise((resolve) => {
    queue.on('workerDetached', () => {
      departed += 1;
      if (departed === count) resolve();
    });
  });
}

describe.each(kinds)('A %s', (name, make) => {
  test('starts its workers when they are first needed, and counts them as its capacity before', async () => {
    const queue = ended(make(2));
    expect([queue.workers(), queue.capacity]).toEqual([[], 2]);
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    expect(queue.workers().length).toBeGreaterThanOrEqual(1);
    expect(queue.capacity).toBe(2);
  });

  test('has as many at work as there is work for, up to its size', async () => {
    const { gate } = bench;
    const queue = ended(make({ max: 2 }));
    const first = queue.call(tasks.pass, [gate.port, 'a']);
    await gate.arrival('a');
    expect(queue.workers()).toHaveLength(1);
    const others = ['b', 'c'].map((gateName) => queue.submit(tasks.pass, [gate.port, gateName]));
    await gate.arrival('b');
    expect([queue.workers().length, queue.pending, queue.size, gate.hasSeen('c')]).toEqual([2, 2, 1, false]);
    gate.isOpen = true;
    gate.open('a');
    gate.open('b');
    expect(await Promise.all([first, ...others.map(({ promise }) => promise)])).toEqual(['a', 'b', 'c']);
  });

  test('dismisses those beyond its minimum that have nothing to do for a while', async () => {
    const { gate } = bench;
    const queue = ended(make({ min: 1, max: 3, idleTimeout: 20 }));
    const departed = departures(queue, 2);
    const names = ['a', 'b', 'c'];
    const calls = names.map((gateName) => queue.call(tasks.pass, [gate.port, gateName]));
    await Promise.all(names.map((gateName) => gate.arrival(gateName)));
    for (const gateName of names) gate.open(gateName);
    await Promise.all(calls);
    await departed;
    expect([queue.workers().length, queue.capacity]).toEqual([1, 3]);
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
  });

  test('starts its minimum for an update, which those to come get, too', async () => {
    const queue = ended(make({ min: 2, max: 3 }));
    await queue.update(tasks.record, ['update']);
    expect(queue.workers()).toHaveLength(2);
    expect(await queue.update(tasks.recorded, [], { ephemeral: true })).toEqual([['update'], ['update']]);
  });

  test('grows and shrinks when it is resized, losing nothing', async () => {
    const { gate } = bench;
    const queue = ended(make(1));
    const calls = ['a', 'b', 'c'].map((gateName) => queue.call(tasks.pass, [gate.port, gateName]));
    await gate.arrival('a');
    expect(queue.capacity).toBe(1);
    queue.resize(3);
    expect(queue.capacity).toBe(3);
    await Promise.all(['b', 'c'].map((gateName) => gate.arrival(gateName)));
    const departed = departures(queue, 2);
    queue.resize({ max: 1 });
    for (const gateName of ['a', 'b', 'c']) gate.open(gateName);
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'c']);
    await departed;
    expect([queue.workers().length, queue.capacity]).toEqual([1, 1]);
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
  });

  test('serves tasks for its kind, and those for another one wait until a worker is attached', async () => {
    const queue = ended(make(1));
    const kind = name === 'ThreadQueue' ? 'thread' : 'process';
    expect(await queue.call(tasks.add, [1, 2], { on: kind })).toBe(3);
    const stalled = new Promise((resolve) => {
      queue.once('stalled', (series, reason) => resolve([series, reason]));
    });
    const handle = queue.submit(tasks.add, [1, 2], { on: 'async', series: 's' });
    expect(await stalled).toEqual(['s', 'unserved']);
    expect(handle.state).toBe('queued');
  });

  test('refuses at once what can not be sent', async () => {
    const queue = ended(make(1));
    expect(() => queue.submit(Math.max, [])).toThrow(expect.objectContaining({ code: 'ERR_NOT_PORTABLE' }));
    expect(queue.workers()).toEqual([]);
  });

  test('drains at its end, though its workers are yet to be started', async () => {
    const queue = make(2);
    const handles = [1, 2, 3].map((n) => queue.submit(tasks.add, [n, n]));
    expect(await queue.shutdown()).toEqual([]);
    expect(await Promise.all(handles.map(({ promise }) => promise))).toEqual([2, 4, 6]);
    expect([queue.workers(), queue.capacity]).toEqual([[], 0]);
  });

  test('refuses sizes that are none', () => {
    const sizes: unknown[] = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '2', null, []];
    sizes.push({ min: -1 }, { max: 0 }, { min: 3, max: 2 }, { idleTimeout: -1 }, { max: '2' });
    for (const size of sizes) expect(() => make(size as Size), String(size)).toThrow(/`(threads|processes)/);
    const queue = ended(make(1));
    expect(() => queue.resize(0)).toThrow(RangeError);
    expect(queue.capacity).toBe(1);
  });

  test('refuses options of its workers that are none, at once', () => {
    expect(() => make(1, { worker: { concurrency: 0 } })).toThrow('`concurrency`');
    expect(() => make(1, { worker: 5 })).toThrow('`worker`');
    expect(() => make(1, { timeout: -1 })).toThrow('`timeout`');
  });
});

test('A queue whose workers can not be started fails what waits for them, and says why', async () => {
  const queue = ended(new ProcessQueue({ processes: 1, worker: { cwd: '/nowhere/at/all' } }));
  const error = await errorOf(queue.call(tasks.add, [1, 2]));
  expect(isNiceqError(error, 'ERR_WORKER_START')).toBe(true);
  expect([queue.size, queue.pending, queue.workers()]).toEqual([0, 0, []]);
});

test('Workers that can not be started are not replaced by others without end', async () => {
  const queue = ended(new ThreadQueue({ threads: 3, worker: { execArgv: ['--import=./nowhere.mjs'] } }));
  const calls = Array.from({ length: 10 }, () => errorOf(queue.call(tasks.add, [1, 2])));
  for (const error of await Promise.all(calls)) expect(isNiceqError(error, 'ERR_WORKER_START')).toBe(true);
  expect([queue.size, queue.pending, queue.workers()]).toEqual([0, 0, []]);
});

test('Whoever hears that workers can not be started may cancel all that waits for them', async () => {
  const queue = ended(new ThreadQueue({ threads: 1, worker: { execArgv: ['--import=./nowhere.mjs'] } }));
  const states: string[] = [];
  queue.on('cancelled', ({ id }) => void states.push(`${id} cancelled`));
  queue.on('failed', ({ id }) => {
    states.push(`${id} failed`);
    queue.cancelAll();
  });
  await Promise.all(['a', 'b', 'c'].map((id) => errorOf(queue.call(tasks.add, [1, 2], { id }))));
  await queue.onIdle();
  expect([queue.size, states]).toEqual([0, ['a failed', 'b cancelled', 'c cancelled']]);
});

test('Queues of all kinds work side by side', async () => {
  const queues = [new AsyncQueue(), new ThreadQueue({ threads: 1 }), new ProcessQueue({ processes: 1 })].map(ended);
  expect(await Promise.all(queues.map((queue) => queue.call(tasks.add, [1, 2])))).toEqual([3, 3, 3]);
});
