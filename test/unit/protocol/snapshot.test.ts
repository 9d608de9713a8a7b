import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AT_ONCE, snapshot } from '../../../src/protocol/snapshot.js';

const primitive = fc.oneof(
  fc.string(),
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom(null, undefined, Number.NaN, -0),
);

function gap(): number[] {
  const array = [1, 2, 3];
  delete array[1];
  return array;
}

describe('A snapshot', () => {
  test('of what can be kept is cloned to the same as the value itself, and is no part of it', () => {
    const flat = fc.oneof(
      primitive,
      fc.array(primitive),
      fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), primitive),
    );
    fc.assert(
      fc.property(flat, (value) => {
        const kept = snapshot(value);
        if (typeof value === 'object' && value !== null) {
          expect(kept).not.toBe(value);
          expect(Object.keys(value).length > 32).toBe(kept === AT_ONCE);
        }
        if (kept !== AT_ONCE) expect(structuredClone(kept)).toStrictEqual(structuredClone(value));
      }),
    );
  });

  test.each<[string, unknown]>([
    ['a nested object', { inner: { n: 1 } }],
    ['a nested array', [[1]]],
    ['an array with a gap', gap()],
    ['an array with a property of its own', Object.assign([1, 2], { name: 'pair' })],
    ['an array with a gap and a property of its own', Object.assign(gap(), { name: 'pair' })],
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['an Error', new Error('no')],
    ['bytes', new Uint8Array(4)],
    ['an instance of a class', new (class Point {})()],
    ['a function', () => {}],
    ['a symbol', Symbol('s')],
    ['an object with a function', { f: () => {} }],
    ['a proxy of an object', new Proxy({}, {})],
    ['a proxy of an array', new Proxy([], {})],
    [
      'an object with a getter that throws',
      {
        get n(): number {
          throw new Error('no');
        },
      },
    ],
    ['a large object', Object.fromEntries(Array.from({ length: 33 }, (_, i) => [i, i]))],
    ['a large array', Array.from({ length: 33 }, (_, i) => i)],
  ])('%s is to be sent at once', (_, value) => {
    expect(snapshot(value)).toBe(AT_ONCE);
  });

  test('is what the value was when it was taken', () => {
    const row = { n: 1 };
    const kept = snapshot(row);
    row.n = 2;
    expect(kept).toEqual({ n: 1 });
  });
});
