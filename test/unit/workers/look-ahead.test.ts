import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LookAhead } from '../../../src/workers/look-ahead.js';
import type { Posting } from '../../../src/workers/posting.js';

type Stub = Pick<Posting, 'estimate' | 'isStarted'>;

function posting(estimate = 0): Posting {
  const stub: Stub = { estimate, isStarted: false };
  return stub as Posting;
}

describe('The look-ahead of a link', () => {
  test('follows the other side, whatever is sent, ends, is taken back or turns out to have begun', () => {
    const step = fc.record({ type: fc.constantFrom('add', 'end', 'take back', 'begin'), at: fc.nat() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 100 }), (concurrency, steps) => {
        const begun: Posting[] = [];
        const ahead = new LookAhead(concurrency, true, (posting) => begun.push(posting));
        const model: { held: Posting[]; running: Posting[]; begun: Posting[] } = { held: [], running: [], begun: [] };
        const beginNext = () => {
          const next = model.held.shift() as Posting;
          model.running.push(next);
          model.begun.push(next);
        };
        for (const { type, at } of steps) {
          const { held, running } = model;
          if (type === 'add') {
            const added = posting();
            held.push(added);
            ahead.add(added);
          } else if (type === 'end' && running.length > 0) {
            const [ended] = running.splice(at % running.length, 1) as [Posting];
            ahead.remove(ended);
          } else if (type === 'take back' && held.length > 0) {
            const [taken] = held.splice(at % held.length, 1) as [Posting];
            ahead.remove(taken);
          } else if (type === 'begin' && held.length > 0) {
            const last = held[at % held.length] as Posting;
            while (held.includes(last)) beginNext();
            ahead.beginUpTo(last);
          }
          while (held.length > 0 && running.length < concurrency) beginNext();
          expect([ahead.running, ahead.size]).toEqual([running.length, running.length + held.length]);
          expect(begun).toEqual(model.begun);
          for (const each of held) expect(each.isStarted).toBe(false);
        }
      }),
    );
  });

  test('has room for one of whatever length where it can be taken back, and then for what is short', () => {
    const ahead = new LookAhead(1, true, () => {});
    ahead.add(posting(0.05));
    expect(ahead.room).toBe(Number.POSITIVE_INFINITY);
    ahead.add(posting(0.05));
    expect(ahead.room).toBeCloseTo(0.15);
  });

  test('has room for what is short only, with what runs, where it can not be taken back', () => {
    const ahead = new LookAhead(1, false, () => {});
    ahead.add(posting(0.05));
    expect(ahead.room).toBeCloseTo(0.15);
    ahead.add(posting(0.05));
    expect(ahead.room).toBeCloseTo(0.1);
  });

  test('has none behind what may take a millisecond or more', () => {
    const ahead = new LookAhead(1, true, () => {});
    const long = posting(1.5);
    ahead.add(long);
    expect(ahead.room).toBeLessThan(0);
    ahead.remove(long);
    ahead.add(posting(0.5));
    expect(ahead.room).toBe(Number.POSITIVE_INFINITY);
  });

  test('has none for more than 512, however short', () => {
    const ahead = new LookAhead(1, true, () => {});
    for (let i = 0; i < 512; i++) ahead.add(posting());
    expect(ahead.room).toBeGreaterThan(0);
    ahead.add(posting());
    expect(ahead.room).toBeLessThan(0);
  });
});
