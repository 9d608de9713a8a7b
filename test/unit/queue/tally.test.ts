import { expect, test } from 'vitest';
import { Tally } from '../../../src/queue/tally.js';
import { DONE } from '../../../src/queue/task.js';

test('A tally that becomes part of another adds what it knows, and keeps nothing of it', () => {
  const [whole, part] = [new Tally(), new Tally()];
  for (let nth = 1; nth <= 100; nth++) part.record(DONE, nth, nth, 2 * nth);
  whole.record(DONE, 101, 1000, 1);
  part.mergeInto(whole);
  expect(whole).toMatchObject({ done: 101, last: 101 });
  expect([whole.wait, whole.run]).toMatchObject([
    { count: 101, max: 1000 },
    { count: 101, max: 200 },
  ]);
  expect([part.wait.count, part.run.count]).toEqual([0, 0]);
});
