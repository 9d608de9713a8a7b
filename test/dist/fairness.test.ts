import { AsyncWorker, type IWorker, ProcessWorker, TaskQueue, ThreadWorker } from 'niceq';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tasks } from './conformance/conformance.js';
import { CustomWorker } from './conformance/custom-worker.js';

const kinds: [name: string, make: () => IWorker][] = [
  ['AsyncWorker', () => new AsyncWorker()],
  ['ThreadWorker', () => new ThreadWorker()],
  ['ProcessWorker', () => new ProcessWorker()],
  ['worker of the user', () => new CustomWorker()],
];

async function queueOf(...workers: IWorker[]): Promise<TaskQueue> {
  const queue = new TaskQueue({ workers });
  onTestFinished(async () => {
    await queue.shutdown({ mode: 'crash' });
  });
  await Promise.all(workers.map((_, i) => queue.call(tasks.recorded, [], { series: `warm up ${i}` })));
  return queue;
}

/** Submits so many tasks of a series that record its name where they run. */
function backlog(queue: TaskQueue, series: string, count: number, niceness = 0): void {
  for (let i = 0; i < count; i++) queue.submit(tasks.record, [series], { series, niceness });
}

/** The series of all tasks, in the order in which they were begun. */
function starts(queue: TaskQueue): unknown[] {
  const order: unknown[] = [];
  queue.on('started', ({ series }) => order.push(series));
  return order;
}

/** The largest of what `b` has had more or less than its share, in tasks, at any prefix while both have a backlog. */
function deviation(order: readonly unknown[], [a, b]: [unknown, unknown], share: number, until: number): number {
  let [ofA, ofB, worst] = [0, 0, 0];
  for (const series of order) {
    if (series === a) ofA += 1;
    if (series === b) ofB += 1;
    if (ofA >= until) break;
    worst = Math.max(worst, Math.abs(ofB - ofA * share));
  }
  return worst;
}

describe.each(kinds)('On one %s', (_, make) => {
  test('ten points of niceness are half the rate, within one task, all along 10,000 tasks', async () => {
    const queue = await queueOf(make());
    backlog(queue, 'kind', 10_000, 10);
    backlog(queue, 'plain', 10_000);
    await queue.onIdle();
    const order = await queue.call(tasks.recorded);
    expect(order).toHaveLength(20_000);
    expect(deviation(order, ['plain', 'kind'], 0.5, 10_000)).toBeLessThanOrEqual(1);
  });

  test('nobody among a thousand series waits for more than its turn', async () => {
    const queue = await queueOf(make());
    for (let i = 0; i < 1000; i++) backlog(queue, `${i}`, 5);
    await queue.onIdle();
    const order = await queue.call(tasks.recorded);
    for (let round = 0; round < 5; round++) {
      expect(new Set(order.slice(round * 1000, (round + 1) * 1000)).size).toBe(1000);
    }
  });

  test('a loop that awaits each of its tasks gets no more than its share, and is never starved', async () => {
    const queue = await queueOf(make());
    const order = starts(queue);
    backlog(queue, 'backlog', 5000);
    for (let i = 0; i < 100; i++) await queue.call(tasks.record, ['loop'], { series: 'loop' });
    await queue.onIdle();
    let [ofLoop, ofBacklog] = [0, 0];
    for (const series of order.slice(order.indexOf('loop'))) {
      if (series === 'loop') ofLoop += 1;
      else ofBacklog += 1;
      if (ofBacklog < 4000) expect(ofLoop).toBeLessThanOrEqual(ofBacklog + 1);
    }
    expect(ofLoop).toBe(100);
    expect(order.lastIndexOf('loop')).toBeLessThan(order.length);
  });
});

describe('From where it can be served on, a series shares alike, neither ahead of others nor behind their backlog', () => {
  /** Acts as soon as so many tasks have started. */
  const when = (queue: TaskQueue, count: number, act: () => void) => {
    let started = 0;
    queue.on('started', () => {
      started += 1;
      if (started === count) act();
    });
  };
  const expectAlternation = (order: readonly unknown[], from: number) => {
    const begin = order.indexOf('late', from);
    expect(begin - from).toBeLessThanOrEqual(2);
    // It begins at the time of the last start, so that one counts.
    expect(deviation(order.slice(begin - 1), ['early', 'late'], 1, 400)).toBeLessThanOrEqual(1);
  };

  test('when it comes late', async () => {
    const queue = await queueOf(new AsyncWorker());
    const order = starts(queue);
    backlog(queue, 'early', 2000);
    when(queue, 500, () => backlog(queue, 'late', 500));
    await queue.onIdle();
    expect(order.slice(0, 500)).not.toContain('late');
    expectAlternation(order, 500);
  });

  test('when it was limited', async () => {
    const queue = await queueOf(new AsyncWorker());
    const order = starts(queue);
    queue.limitSeries('late', { rate: { count: 1, interval: 3_600_000 } });
    backlog(queue, 'late', 501);
    backlog(queue, 'early', 2000);
    when(queue, 500, () => queue.limitSeries('late', null));
    await queue.onIdle();
    expect(order.slice(0, 500).filter((series) => series === 'late')).toHaveLength(1);
    expectAlternation(order, 500);
  });

  test('when it had no worker', async () => {
    const queue = await queueOf(new AsyncWorker({ series: ['early', 'warm up 0'] }));
    const order = starts(queue);
    backlog(queue, 'late', 500);
    backlog(queue, 'early', 2000);
    when(queue, 500, () => void queue.qualifyWorker(1, 'late'));
    await queue.onIdle();
    expect(order.slice(0, 500)).not.toContain('late');
    expectAlternation(order, 500);
  });

  test('when it comes again after a pause', async () => {
    const queue = await queueOf(new AsyncWorker());
    const order = starts(queue);
    backlog(queue, 'late', 10);
    backlog(queue, 'early', 2000);
    when(queue, 500, () => backlog(queue, 'late', 500));
    await queue.onIdle();
    expect(deviation(order.slice(0, 500), ['early', 'late'], 1, 10)).toBeLessThanOrEqual(1);
    expectAlternation(order, 500);
  });
});

test('Three workers of different kinds together keep the shares of what each may serve', async () => {
  const queue = await queueOf(new AsyncWorker(), new ThreadWorker(), new ProcessWorker());
  const order = starts(queue);
  backlog(queue, 'kind', 8000, 10);
  backlog(queue, 'plain', 8000);
  await queue.onIdle();
  // The thread and the process each hold up to 512 tasks, which may start late: a third of them are of the one series,
  // by so much may the starts deviate, and the last of the backlog may already be held when all have not started.
  expect(deviation(order, ['plain', 'kind'], 0.5, 8000 - 2 * 512)).toBeLessThanOrEqual(400);
});
