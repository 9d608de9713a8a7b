import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { ProcessWorker, TaskQueue, ThreadQueue, ThreadWorker } from 'niceq';
import { describe, test } from 'vitest';
import { anyStep, simpleStep, Trial, type TrialSetup } from '../calls/trial.js';

const quiet = { stdio: ['ignore', 'ignore', 'ignore'] } as const;

// They go to threads and processes by their source.
const tasks: TrialSetup['tasks'] = {
  return: () => 1,
  throw: () => {
    throw new Error('thrown');
  },
  reject: async () => {
    await null;
    throw new Error('rejected');
  },
  wait: () => new Promise(() => {}),
  iterate: function* () {
    yield 1;
    yield 2;
  },
  iterateLater: async function* () {
    yield 1;
    await null;
    yield 2;
  },
  nest: () => {
    for (;;);
  },
  die: () => process.exit(3),
  resign: () => {
    setImmediate(() => process.exit(3));
  },
};

/** Long enough for threads and processes to say something, or nothing yet. */
const pass = () => sleep(2);

const workers: TrialSetup['workers'] = [
  (settings) => new ThreadWorker({ ...settings, graceful: 1 }),
  (settings) => new ProcessWorker({ ...quiet, ...settings, graceful: 1 }),
];

const queues: [what: string, make: () => TaskQueue][] = [
  ['threads of its own', () => new ThreadQueue({ threads: { max: 2 }, worker: { graceful: 1 } })],
  [
    'a thread and a process',
    () => new TaskQueue({ workers: [new ThreadWorker({ graceful: 1 }), new ProcessWorker({ ...quiet, graceful: 1 })] }),
  ],
];

describe.each(queues)('Whatever is asked of a queue with %s, every promise settles', (_, make) => {
  test('also after its end', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { maxLength: 12 }),
        fc.array(simpleStep, { maxLength: 2 }),
        async (steps, after) => {
          const trial = new Trial({ queue: make(), tasks, workers, pass });
          await trial.queue.call(() => 1);
          for (const step of steps) await trial.take(step);
          await trial.end();
          for (const step of after) await trial.take(step);
          await trial.end();
        },
      ),
      { numRuns: 25 },
    );
  });
});
