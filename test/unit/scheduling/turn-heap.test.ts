import fc from 'fast-check';
import { expect, test } from 'vitest';
import { precedes, type Turn, TurnHeap } from '../../../src/scheduling/turn-heap.js';

const key = { time: fc.integer({ min: 0, max: 5 }), order: fc.integer({ min: 0, max: 3 }) };
const step = fc.oneof(
  fc.record({ type: fc.constant('push' as const), ...key }),
  fc.record({ type: fc.constant('update' as const), at: fc.nat(), ...key }),
  fc.record({ type: fc.constant('remove' as const), at: fc.nat() }),
  fc.record({ type: fc.constant('removeTop' as const) }),
);

function bySort(turns: readonly Turn[]): Turn[] {
  return [...turns].sort((a, b) => a.time - b.time || a.order - b.order);
}

test('whatever is pushed, updated and removed, the top is the least of what is in the heap', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new TurnHeap<Turn>();
      const turns: Turn[] = [];
      for (const step of steps) {
        if (step.type === 'push') {
          const turn = { time: step.time, order: step.order, index: -1 };
          turns.push(turn);
          heap.push(turn);
        } else if (turns.length > 0) {
          const turn = step.type === 'removeTop' ? (heap.top as Turn) : (turns[step.at % turns.length] as Turn);
          if (step.type === 'update') {
            turn.time = step.time;
            turn.order = step.order;
            heap.update(turn);
          } else {
            heap.remove(turn);
            turns.splice(turns.indexOf(turn), 1);
            expect(turn.index).toBe(-1);
          }
        }
        const [least] = bySort(turns);
        expect(heap.size).toBe(turns.length);
        expect(heap.top?.time).toBe(least?.time);
        expect(heap.top?.order).toBe(least?.order);
        expect(new Set(heap)).toEqual(new Set(turns));
      }
      for (const expected of bySort(turns)) {
        const { top } = heap;
        expect([top?.time, top?.order]).toEqual([expected.time, expected.order]);
        heap.remove(top as Turn);
      }
      expect(heap.top).toBeUndefined();
    }),
  );
});

test('every entry knows its index, and none precedes its parent', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record(key), { maxLength: 100 }),
      fc.array(fc.nat(), { maxLength: 50 }),
      (keys, removals) => {
        const heap = new TurnHeap<Turn>();
        const turns = keys.map((key): Turn => ({ ...key, index: -1 }));
        for (const turn of turns) heap.push(turn);
        for (const at of removals) if (turns.length > 0) heap.remove(turns.splice(at % turns.length, 1)[0] as Turn);
        const entries = [...heap];
        for (const [index, entry] of entries.entries()) {
          expect(entry.index).toBe(index);
          if (index > 0) expect(precedes(entry, entries[(index - 1) >> 2] as Turn)).toBe(false);
        }
      },
    ),
  );
});

test('of equal times the lower order goes first', () => {
  expect(precedes({ time: 1, order: 0, index: -1 }, { time: 1, order: 1, index: -1 })).toBe(true);
  expect(precedes({ time: 1, order: 1, index: -1 }, { time: 1, order: 1, index: -1 })).toBe(false);
  expect(precedes({ time: 2, order: 0, index: -1 }, { time: 1, order: 1, index: -1 })).toBe(false);
});
