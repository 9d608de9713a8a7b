import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Limiter } from '../../../src/scheduling/limiter.js';

test('never more run at a time than the rule says', () => {
  const limiter = new Limiter({ concurrency: 2 }, 0);
  expect(limiter.opensAt()).toBe(Number.NEGATIVE_INFINITY);
  limiter.started(0);
  expect(limiter.opensAt()).toBe(Number.NEGATIVE_INFINITY);
  limiter.started(0);
  expect(limiter.opensAt()).toBe(Number.POSITIVE_INFINITY);
  limiter.ended();
  expect(limiter.opensAt()).toBe(Number.NEGATIVE_INFINITY);
  expect(limiter.hasRate).toBe(false);
});

test('what ran before the rule was counts as running', () => {
  const limiter = new Limiter({ concurrency: 2 }, 3);
  expect(limiter.opensAt()).toBe(Number.POSITIVE_INFINITY);
  limiter.ended();
  expect(limiter.opensAt()).toBe(Number.POSITIVE_INFINITY);
  limiter.ended();
  expect(limiter.opensAt()).toBe(Number.NEGATIVE_INFINITY);
});

test('what has started by the rule before counts on, so that a rule set anew lets through no more', () => {
  const former = new Limiter({ rate: { count: 3, interval: 100 } }, 0);
  for (const at of [0, 10, 20, 130, 140]) former.started(at);
  const same = new Limiter({ rate: { count: 3, interval: 100 } }, 5, former);
  expect([same.allowance(150), same.opensAt()]).toEqual([1, 120]);
  const tighter = new Limiter({ rate: { count: 2, interval: 100 } }, 5, former);
  expect([tighter.allowance(150), tighter.opensAt()]).toEqual([0, 230]);
  expect(new Limiter({ concurrency: 9 }, 5, former).allowance(150)).toBe(4);
});

test('a rate opens when the oldest start that counts leaves the window', () => {
  const limiter = new Limiter({ rate: { count: 2, interval: 100 } }, 0);
  expect(limiter.hasRate).toBe(true);
  limiter.started(10);
  limiter.ended();
  limiter.started(30);
  limiter.ended();
  expect(limiter.opensAt()).toBe(110);
  limiter.started(110);
  expect(limiter.opensAt()).toBe(130);
});

test('in no window of the interval do more than count start, and it opens no later than need be', () => {
  const steps = fc.array(fc.record({ wait: fc.integer({ min: 0, max: 30 }), giveBack: fc.option(fc.nat()) }), {
    maxLength: 100,
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 50 }), steps, (count, interval, steps) => {
      const limiter = new Limiter({ rate: { count, interval } }, 0);
      const starts: number[] = [];
      let now = 0;
      for (const { wait, giveBack } of steps) {
        now += wait;
        if (giveBack !== null && starts.length > 0) {
          const [startedAt] = starts.splice(giveBack % starts.length, 1) as [number];
          limiter.unstarted(startedAt);
        }
        const recent = starts.filter((start) => start > now - interval).length;
        expect(limiter.opensAt() <= now).toBe(recent < count);
        if (recent >= count) continue;
        limiter.started(now);
        starts.push(now);
      }
      expect(limiter.running).toBe(starts.length);
    }),
  );
});

test('what is given back late does not reopen the window of another start', () => {
  const limiter = new Limiter({ rate: { count: 1, interval: 10 } }, 0);
  limiter.started(0);
  limiter.started(10);
  limiter.unstarted(0);
  expect(limiter.opensAt()).toBe(20);
});

test('many starts are not all remembered, and the window still holds', () => {
  const limiter = new Limiter({ rate: { count: 3, interval: 10 } }, 0);
  for (let now = 0; now < 50_000; now += 10) {
    for (let i = 0; i < 3; i++) {
      expect(limiter.opensAt()).toBeLessThanOrEqual(now);
      limiter.started(now);
      limiter.ended();
    }
    expect(limiter.opensAt()).toBe(now + 10);
  }
});

test('both parts of a rule hold', () => {
  const limiter = new Limiter({ concurrency: 1, rate: { count: 1, interval: 10 } }, 0);
  limiter.started(0);
  expect(limiter.opensAt()).toBe(Number.POSITIVE_INFINITY);
  limiter.ended();
  expect(limiter.opensAt()).toBe(10);
});
