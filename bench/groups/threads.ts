import { setTimeout as sleep } from 'node:timers/promises';
import { BareWorker } from '../bare.js';
import type { Case, Group } from '../harness.js';
import { ThreadQueue, taskModule } from '../niceq.js';
import { workerFile } from '../pools.js';
import { poolSections } from './pools.js';

const { increment } = taskModule<typeof import('../workers/tasks.mjs')>(workerFile('tasks.mjs'));
const { spin } = taskModule<typeof import('../workers/niceq.mjs')>(workerFile('niceq.mjs'));

/** How long an aborted task may take to end by itself, in milliseconds, unless one asks for something else. */
const GRACEFUL = 100;
/** More than it takes until a thread is blocked, in milliseconds. Nothing tells that it is. */
const A_MOMENT = 20;

/** A task that blocks the only thread for ever is aborted: until the next one's result is there, less the grace. */
const abort = (isQuick: boolean): Case => ({
  id: 'abort',
  title: '1 thread',
  rounds: isQuick ? 1 : 9,
  candidates: {
    'bare: terminate(), new Worker': () => async () => {
      const blocked = new BareWorker('thread');
      await blocked.ask(1);
      blocked.post({ spin: Infinity });
      await sleep(A_MOMENT);
      const begin = performance.now();
      await blocked.end();
      const worker = new BareWorker('thread');
      await worker.ask(1);
      const time = performance.now() - begin;
      await worker.end();
      return time;
    },
    niceq: () => async () => {
      const queue = new ThreadQueue({ threads: 1 });
      await queue.call(increment, [1]);
      const controller = new AbortController();
      const blocked = queue.submit(spin, [Infinity], { signal: controller.signal });
      await new Promise((resolve) => queue.on('started', resolve));
      const next = queue.call(increment, [1]);
      await sleep(A_MOMENT);
      const begin = performance.now();
      controller.abort();
      await Promise.all([blocked.promise.catch(() => {}), next]);
      const time = performance.now() - begin - GRACEFUL;
      await queue.shutdown();
      return time;
    },
  },
});

export const threads: Group = (isQuick) => [
  ...poolSections('thread', isQuick),
  {
    title: 'Threads: abort of a task that blocks its thread, to the next result, less the time of grace',
    unit: 'ms',
    cases: [abort(isQuick)],
  },
];
