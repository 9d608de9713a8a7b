import fc from 'fast-check';
import { AsyncWorker, TaskQueue, taskContext } from 'niceq';
import { test } from 'vitest';
import { anyStep, simpleStep, Trial, type TrialSetup, turn } from '../../calls/trial.js';
import { MortalWorker } from './mortal-worker.js';

function setup(): TrialSetup {
  const queue = new TaskQueue({ workers: [new AsyncWorker({ concurrency: 2 }), new MortalWorker()] });
  return {
    queue,
    pass: turn,
    workers: [(settings) => new AsyncWorker(settings), (settings) => new MortalWorker(settings)],
    tasks: {
      return: () => 1,
      throw: () => {
        throw new Error('thrown');
      },
      reject: async () => {
        await turn();
        throw new Error('rejected');
      },
      wait: () => {
        const { signal } = taskContext();
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
        );
      },
      *iterate() {
        yield 1;
        yield 2;
      },
      async *iterateLater() {
        yield 1;
        await turn();
        yield 2;
      },
      nest: () => queue.call(() => 2),
      die: () => 3,
      resign: () => 4,
    },
  };
}

test('Whatever is asked of a queue, also in listeners and tasks and after its end, every promise settles', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { maxLength: 25 }),
      fc.array(simpleStep, { maxLength: 3 }),
      async (steps, after) => {
        const trial = new Trial(setup());
        for (const step of steps) await trial.take(step);
        await trial.end();
        for (const step of after) await trial.take(step);
        await trial.end();
      },
    ),
    { numRuns: 500 },
  );
}, 60_000);
