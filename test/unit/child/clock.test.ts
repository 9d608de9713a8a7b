import { expect, test, vi } from 'vitest';
import { now as childNow, setClock } from '../../../src/child/clock.js';
import { epochOfHrtime, now } from '../../../src/clock.js';

test('a child that was told when the count of `process.hrtime` began reads the clock of its parent', () => {
  const count = vi.spyOn(process, 'hrtime').mockReturnValue([70_000, 250_000_000]);
  const clock = vi.spyOn(performance, 'now').mockReturnValue(500);
  setClock(epochOfHrtime());
  expect(childNow()).toBeCloseTo(now(), 2);
  count.mockReturnValue([70_001, 750_000_000]);
  clock.mockReturnValue(2000);
  expect(childNow()).toBeCloseTo(now(), 2);
});
