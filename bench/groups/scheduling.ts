import { setTimeout as sleep } from 'node:timers/promises';
import { BareWorker } from '../bare.js';
import type { Case, Group, Measure } from '../harness.js';
import { AsyncQueue, ThreadQueue, taskModule } from '../niceq.js';
import { workerFile } from '../pools.js';

const { increment } = taskModule<typeof import('../workers/tasks.mjs')>(workerFile('tasks.mjs'));
const { spin } = taskModule<typeof import('../workers/niceq.mjs')>(workerFile('niceq.mjs'));

type Queue = InstanceType<typeof AsyncQueue> | InstanceType<typeof ThreadQueue>;

/** Backlogs of `count` tasks of niceness n and of n + 10: how far the assigned ones are from 2 : 1 at worst, in tasks. */
function distance(open: () => Queue, count: number, niceness: number, others: number): Measure {
  return async () => {
    const queue = open();
    let [first, second, worst] = [0, 0, 0];
    queue.pause();
    queue.on('started', ({ series }) => {
      if (series === 'first') first++;
      else if (series === 'second') second++;
      else return;
      // After that one of them has no backlog any more.
      if (first < count && second < count) worst = Math.max(worst, Math.abs(second - first / 2));
    });
    const results: Promise<unknown>[] = [];
    for (let i = 0; i < count; i++) {
      results.push(queue.call(increment, [i], { series: 'first', niceness }));
      results.push(queue.call(increment, [i], { series: 'second', niceness: niceness + 10 }));
      if (others > 0) results.push(queue.call(increment, [i], { series: i % others }));
    }
    queue.resume();
    await Promise.all(results);
    await queue.shutdown();
    return worst;
  };
}

function fairness(id: string, title: string, open: () => Queue, isQuick: boolean): Case {
  const count = isQuick ? 300 : 3000;
  // Each measures all of them, so that one target speaks for all.
  const all = [-20, -10, -3, 0, 10].flatMap((niceness) =>
    [0, 50].map((others) => distance(open, count, niceness, others)),
  );
  return {
    id,
    title,
    rounds: isQuick ? 1 : 2,
    warmUps: 0,
    candidates: {
      niceq: () => async () => {
        let worst = 0;
        for (const measure of all) worst = Math.max(worst, await measure());
        return worst;
      },
    },
  };
}

/** The value that 9 of 10 are below. */
const ninth = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.9)] ?? Number.NaN;

export const scheduling: Group = (isQuick) => {
  const rounds = isQuick ? 1 : 5;
  const backlog = isQuick ? 1000 : 10_000;
  const probes = isQuick ? 5 : 40;

  const urgent: Case = {
    id: 'urgent',
    title: '9 of 10 start within',
    rounds,
    warmUps: 0,
    isFresh: true,
    candidates: {
      // A thread that is given a task only when it has finished the last, so that nothing is in the way.
      'bare, nothing sent ahead': () => async () => {
        const worker = new BareWorker('thread');
        await worker.ask(0);
        const waits: number[] = [];
        for (let i = 0; i < probes; i++) {
          const running = worker.ask({ spin: 1 });
          await sleep(Math.random());
          const begin = performance.now();
          await running;
          await worker.ask(i);
          waits.push(performance.now() - begin);
        }
        return ninth(waits);
      },
      niceq: () => async () => {
        const queue = new ThreadQueue({ threads: 1 });
        await queue.call(spin, [1]);
        for (let i = 0; i < backlog; i++) void queue.submit(spin, [1]);
        const waits: number[] = [];
        for (let i = 0; i < probes; i++) {
          await sleep(3 + Math.random());
          const handle = queue.submit(increment, [i], { doNext: true });
          await handle.promise;
          waits.push((handle.startedAt ?? Number.NaN) - handle.queuedAt);
        }
        await queue.shutdown({ mode: 'crash' });
        return ninth(waits);
      },
    },
  };

  const THREADS = 2;
  const updates = isQuick ? 20 : 500;
  const update: Case = {
    id: 'update',
    title: `to ${THREADS} threads`,
    rounds,
    candidates: {
      bare: () => {
        const workers = Array.from({ length: THREADS }, () => new BareWorker('thread'));
        return timeOf(updates, (i) => Promise.all(workers.map((worker) => worker.ask(i))));
      },
      niceq: () => {
        const queue = new ThreadQueue({ threads: THREADS });
        return timeOf(updates, (i) => queue.update(increment, [i], { key: 'number' }));
      },
      'niceq, ephemeral': () => {
        const queue = new ThreadQueue({ threads: THREADS });
        return timeOf(updates, (i) => queue.update(increment, [i], { ephemeral: true }));
      },
    },
  };

  return [
    {
      title: 'Fairness: two backlogged series of niceness n and n + 10, greatest distance from 2 : 1 at any point',
      unit: 'tasks',
      cases: [
        fairness('fair-main', 'main thread', () => new AsyncQueue({ concurrency: 1 }), isQuick),
        // One, as of several nobody outside sees in which order tasks are assigned.
        fairness('fair-thread', '1 thread', () => new ThreadQueue({ threads: 1 }), isQuick),
      ],
    },
    { title: `doNext behind ${backlog} tasks of 1 ms on a thread`, unit: 'ms', cases: [urgent] },
    { title: 'Updates: one after the other', unit: 'µs an update', cases: [update] },
  ];
};

function timeOf(count: number, call: (i: number) => Promise<unknown>): Measure {
  return async () => {
    const begin = performance.now();
    for (let i = 0; i < count; i++) await call(i);
    return ((performance.now() - begin) * 1000) / count;
  };
}
