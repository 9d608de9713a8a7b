import { describe, expect, it } from 'vitest';
import { storm } from './storm.js';

/** As many as CI has time for; `npm run storm` goes on longer. */
const TASKS = 20_000;

describe('a storm of tasks over workers that die, come and go', () => {
  it('loses no task, runs none too often and leaves nothing behind', { timeout: 120_000 }, async () => {
    const seed = Date.now() % 1_000_000;
    console.log(`storm with seed ${seed}: npm run storm -- --tasks ${TASKS} --seconds 0 --seed ${seed} replays it`);
    const report = await storm({ seed, tasks: TASKS });
    expect(report.tasks).toBeGreaterThanOrEqual(TASKS);
  });
});
