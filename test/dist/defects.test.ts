import { AsyncQueue, AsyncWorker, type IWorker, ProcessWorker, ThreadWorker } from 'niceq';
import { describe, expect, test } from 'vitest';
import { errorOf, makeBench, tasks } from './conformance/conformance.js';

/*
 * Defects seen elsewhere. Most have their test where workers of every kind have theirs: process.exit() in a task, what
 * throws after its task has returned, modules that throw as they load, results and arguments that can't be cloned,
 * errors that lose their class, name, cause or properties, listeners left on a signal, threads that block, and aborts
 * that hit a neighbour: conformance/. Starvation: fairness.test.ts. Programs that never end: program-end.test.ts.
 * Output that is lost: outside.test.ts. Promises pending after a clear: calls.test.ts. A task that awaits its own
 * queue: unit/queue/events.test.ts. These are the others.
 */

const kinds: [kind: string, make: (concurrency: number) => IWorker][] = [
  ['an AsyncWorker', (concurrency) => new AsyncWorker({ concurrency })],
  ['a ThreadWorker', (concurrency) => new ThreadWorker({ concurrency, graceful: 10_000 })],
  ['a ProcessWorker', (concurrency) => new ProcessWorker({ concurrency, graceful: 10_000 })],
];

describe.each(kinds)('On %s', (_, make) => {
  const bench = makeBench();

  test('bodies that have timed out and run on never overlap', async () => {
    const { gate } = bench;
    const queue = bench.queueOf([make(1)]);
    await queue.call(tasks.add, [1, 2]);
    const options = { timeout: 20, retry: { timeout: 0 } };
    const names = ['a', 'b', 'c'];
    const calls = names.map((name) => errorOf(queue.call(tasks.pass, [gate.port, name], options)));
    for (const [i, name] of names.entries()) {
      await gate.arrival(name);
      expect((await calls[i])?.code).toBe('ERR_TASK_TIMEOUT');
      // It was told to end and has not: the next one has not begun.
      expect(names.slice(i + 1).some((later) => gate.hasSeen(later))).toBe(false);
      gate.open(name);
    }
  });

  test('what ends in time counts, even if its caller was too busy to hear of it', async () => {
    const queue = bench.queueOf([make(1)]);
    await queue.call(tasks.add, [1, 2]);
    const handle = queue.submit(tasks.add, [3, 4], { timeout: 100, retry: { timeout: 0 } });
    // When it is on its way.
    await new Promise((resolve) => queue.once('started', () => setImmediate(() => setImmediate(resolve))));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    expect(await handle.promise).toBe(7);
  });

  test('a cancelled task takes no other with it', async () => {
    const { gate } = bench;
    const queue = bench.queueOf([make(3)]);
    const handles = ['a', 'b', 'c'].map((name) => queue.submit(tasks.pass, [gate.port, name], { retry: { lost: 0 } }));
    await Promise.all(['a', 'b', 'c'].map((name) => gate.arrival(name)));
    const cancelled = errorOf(handles[1]?.promise as Promise<string>);
    handles[1]?.cancel();
    expect((await cancelled).code).toBe('ERR_TASK_CANCELLED');
    for (const name of ['a', 'b', 'c']) gate.open(name);
    expect(await Promise.all([handles[0]?.promise, handles[2]?.promise])).toEqual(['a', 'c']);
  });
});

test('A backlog of 200,000 tasks of many priorities runs, and can be cancelled', async () => {
  const queue = new AsyncQueue({ concurrency: 1 });
  const submit = (i: number) => queue.submit((n: number) => n, [i], { niceness: (i % 41) - 20, series: i % 100 });
  let done = 0;
  queue.on('done', () => done++);
  for (let i = 0; i < 100_000; i++) submit(i);
  await queue.onIdle();
  expect(done).toBe(100_000);
  for (let i = 0; i < 100_000; i++) submit(i);
  expect(queue.size).toBe(100_000);
  expect(queue.cancelAll()).toBe(100_000);
  expect([queue.size, done]).toEqual([0, 100_000]);
});
