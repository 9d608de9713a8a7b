import { AsyncWorker, type IWorker, ProcessWorker, TaskQueue, ThreadWorker } from 'niceq';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tasks } from './conformance/conformance.js';

const makers = {
  async: () => new AsyncWorker(),
  thread: () => new ThreadWorker(),
  process: () => new ProcessWorker(),
} satisfies Record<string, () => IWorker>;
type Kind = keyof typeof makers;
const kinds = Object.keys(makers) as Kind[];

async function mixedQueue(): Promise<{ queue: TaskQueue; workers: Record<Kind, IWorker> }> {
  const queue = new TaskQueue();
  onTestFinished(async () => {
    await queue.shutdown({ mode: 'crash' });
  });
  const workers = { async: makers.async(), thread: makers.thread(), process: makers.process() };
  await Promise.all(Object.values(workers).map((worker) => queue.attachWorker(worker)));
  return { queue, workers };
}

/** Task number `i` of many kinds, and whether its result is right. */
function submit(queue: TaskQueue, i: number): Promise<boolean> {
  const series = `series ${i % 7}`;
  const niceness = (i % 41) - 20;
  const on = kinds[i % 11];
  const options = on === undefined ? { series, niceness } : { series, niceness, on };
  switch (i % 5) {
    case 0:
      return queue.call(tasks.add, [i, 1], options).then((sum) => sum === i + 1);
    case 1:
      return queue.call(tasks.addLater, [i, 1], options).then((sum) => sum === i + 1);
    case 2:
      return queue
        .call(tasks.echoOne, [{ i, map: new Map([[i, [i]]]) }], options)
        .then((value) => (value as { map: Map<number, number[]> }).map.get(i)?.[0] === i);
    case 3:
      return queue.call(tasks.throwBuiltIn, ['RangeError', `${i}`], options).then(
        () => false,
        (error: unknown) => error instanceof RangeError && error.message === `${i}`,
      );
    default:
      return queue
        .call(tasks.contextOf, [], { ...options, id: `task ${i}` })
        .then((context) => context.id === `task ${i}` && context.series === series);
  }
}

test('A main thread, a thread and a process run 10,000 mixed tasks, with the right results, and each does some', async () => {
  const { queue } = await mixedQueue();
  const results = await Promise.all(Array.from({ length: 10_000 }, (_, i) => submit(queue, i)));
  expect(results.filter((isRight) => !isRight)).toEqual([]);
  const { done, failed, workers } = queue.stats();
  expect([done, failed, queue.size, queue.pending]).toEqual([8000, 2000, 0, 0]);
  for (const worker of workers) expect(worker.done).toBeGreaterThan(500);
});

describe.each(kinds)('Detaching the one of kind %s in the middle', (kind) => {
  test.each([
    ['in order', {}],
    ['by a crash', { crash: true }],
    ['in order, with a limit of time', { timeout: 1 }],
  ])('%s loses nothing', async (_, options) => {
    const { queue, workers } = await mixedQueue();
    let ended = 0;
    const middle = new Promise<void>((resolve) => {
      const count = () => {
        ended += 1;
        if (ended === 700) resolve();
      };
      queue.on('done', count);
      queue.on('failed', count);
    });
    const results = Array.from({ length: 2000 }, (_, i) => submit(queue, i));
    await middle;
    expect(queue.size).toBeGreaterThan(0);
    expect(await queue.detachWorker(workers[kind], options)).toEqual([]);
    expect(queue.workers()).toHaveLength(2);
    await queue.attachWorker(makers[kind]());
    expect((await Promise.all(results)).filter((isRight) => !isRight)).toEqual([]);
    expect([queue.size, queue.pending]).toEqual([0, 0]);
  });
});
