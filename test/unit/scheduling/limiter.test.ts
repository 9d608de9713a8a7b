import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Limiter, type LimitRule } from '../../../src/scheduling/limiter.js';

function limiterBy(rule: LimitRule): Limiter {
  const limiter = new Limiter();
  limiter.limit(rule);
  return limiter;
}

test('never more run at a time than the rule says', () => {
  const limiter = limiterBy({ concurrency: 2 });
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
  const limiter = new Limiter();
  for (let i = 0; i < 3; i++) limiter.started(0);
  limiter.limit({ concurrency: 2 });
  expect(limiter.opensAt()).toBe(Number.POSITIVE_INFINITY);
  limiter.ended();
  expect(limiter.opensAt()).toBe(Number.POSITIVE_INFINITY);
  limiter.ended();
  expect(limiter.opensAt()).toBe(Number.NEGATIVE_INFINITY);
});

test('what has started by the rule before counts on, so that a rule set anew lets through no more', () => {
  const after = (rule: LimitRule) => {
    const limiter = limiterBy({ rate: { count: 3, interval: 100 } });
    for (const at of [0, 10, 20, 130, 140]) limiter.started(at);
    limiter.limit(rule);
    return limiter;
  };
  const same = after({ rate: { count: 3, interval: 100 } });
  expect([same.allowance(150), same.opensAt()]).toEqual([1, 120]);
  const tighter = after({ rate: { count: 2, interval: 100 } });
  expect([tighter.allowance(150), tighter.opensAt()]).toEqual([0, 230]);
  expect(after({ concurrency: 9 }).allowance(150)).toBe(4);
});

test('a rate opens when the oldest start that counts leaves the window', () => {
  const limiter = limiterBy({ rate: { count: 2, interval: 100 } });
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
      const limiter = limiterBy({ rate: { count, interval } });
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
  const limiter = limiterBy({ rate: { count: 1, interval: 10 } });
  limiter.started(0);
  limiter.started(10);
  limiter.unstarted(0);
  expect(limiter.opensAt()).toBe(20);
});

test('many starts are not all remembered, and the window still holds', () => {
  const limiter = limiterBy({ rate: { count: 3, interval: 10 } });
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
  const limiter = limiterBy({ concurrency: 1, rate: { count: 1, interval: 10 } });
  limiter.started(0);
  expect(limiter.opensAt()).toBe(Number.POSITIVE_INFINITY);
  limiter.ended();
  expect(limiter.opensAt()).toBe(10);
});
