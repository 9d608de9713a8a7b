import type { Case, Group, Measure } from '../harness.js';
import { loadBullmq, TaskQueue, taskModule } from '../niceq.js';
import { workerFile } from '../pools.js';
import { hasRedis, startRedis, startServer } from '../redis.js';

/** How many tasks a server runs at a time. */
const PLACES = 64;
const IN_FLIGHT = 1000;

type Increment = (n: number) => Promise<number>;

/** Each with a Redis and a server of its own, which runs tasks in its main thread. */
const open: Readonly<Record<string, () => Promise<Increment>>> = {
  'bare BullMQ': async () => {
    const { Queue, QueueEvents } = await import('bullmq');
    const port = await startRedis();
    await startServer('bullmq.mjs', port, PLACES);
    const connection = { host: '127.0.0.1', port };
    // With fewer, the events of jobs are trimmed before a busy reader has seen them, and their jobs never end for it.
    const queue = new Queue('bare', { connection, streams: { events: { maxLen: 1_000_000 } } });
    // From the first event on: by default, what happens before its first question has been asked is never told.
    const events = new QueueEvents('bare', { connection, lastEventId: '0-0' });
    await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
    events.setMaxListeners(0);
    // Not at once: waitUntilFinished rejects when its job is gone before it looks.
    const options = { removeOnComplete: 2 * IN_FLIGHT };
    return async (n) => await (await queue.add('increment', { n }, options)).waitUntilFinished(events);
  },
  niceq: async () => {
    const { BullWorker } = await loadBullmq();
    const port = await startRedis();
    await startServer('niceq-server.mjs', port, PLACES);
    const queue = new TaskQueue();
    const connection = `redis://127.0.0.1:${port}`;
    await queue.attachWorker(new BullWorker({ name: 'niceq', connection, concurrency: IN_FLIGHT }));
    const tasks = taskModule<typeof import('../workers/tasks.mjs')>(workerFile('tasks.mjs'));
    return (n) => queue.call(tasks.increment, [n]);
  },
};

const candidates = (setUp: (increment: Increment) => Measure): Case['candidates'] =>
  Object.fromEntries(Object.entries(open).map(([name, start]) => [name, async () => setUp(await start())]));

export const remote: Group = (isQuick) => {
  if (!hasRedis()) {
    console.warn('\nremote: skipped, as there is no redis-server in PATH');
    return [];
  }
  const rounds = isQuick ? 1 : 3;
  const tasks = isQuick ? 2000 : 10_000;
  const calls = isQuick ? 100 : 1000;

  const throughput = candidates((increment) => async () => {
    let next = 0;
    const begin = performance.now();
    const lane = async () => {
      while (next < tasks) await increment(next++);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    return ((performance.now() - begin) * 1000) / tasks;
  });
  const latency = candidates((increment) => async () => {
    const begin = performance.now();
    for (let i = 0; i < calls; i++) await increment(i);
    return ((performance.now() - begin) * 1000) / calls;
  });
  return [
    {
      title: `Remote: \`n + 1\` in another process, ${PLACES} at a time, through Redis`,
      unit: 'µs a task',
      cases: [
        { id: 'throughput', title: `${IN_FLIGHT} in flight`, candidates: throughput, rounds },
        { id: 'latency', title: 'one at a time', candidates: latency, rounds },
      ],
    },
  ];
};
