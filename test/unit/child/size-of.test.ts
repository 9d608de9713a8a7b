import { serialize } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../../src/child/size-of.js';

describe('The size of a value', () => {
  test.each([
    ['a long string', 'x'.repeat(100_000), 200_000],
    ['bytes', new Uint8Array(100_000), 100_000],
    ['a buffer', new ArrayBuffer(100_000), 100_000],
    ['shared memory', new SharedArrayBuffer(100_000), 100_000],
    ['an array of buffers', Array.from({ length: 10 }, () => new ArrayBuffer(10_000)), 100_000],
    ['an object of buffers', { a: new ArrayBuffer(50_000), b: new ArrayBuffer(50_000) }, 100_000],
  ])('is exact for %s, but for a little', (_, value, bytes) => {
    expect(sizeOf(value)).toBeGreaterThanOrEqual(bytes);
    expect(sizeOf(value)).toBeLessThan(bytes * 1.01);
  });

  const row = (n: number) => ({ id: n, name: `row ${n}`, tags: ['a', 'b'] });
  test.each<[string, unknown]>([
    ['numbers', Array.from({ length: 10_000 }, (_, n) => n * 1.5)],
    ['rows', Array.from({ length: 1000 }, (_, n) => row(n))],
    ['a Map', new Map(Array.from({ length: 1000 }, (_, n) => [n * 1.5, row(n)]))],
    ['a Set', new Set(Array.from({ length: 1000 }, (_, n) => `number ${n}`))],
  ])('is about right for many alike: %s', (_, value) => {
    const sent = serialize(value).length;
    expect(sizeOf(value)).toBeGreaterThan(sent / 2);
    expect(sizeOf(value)).toBeLessThan(sent * 6);
  });

  test.each([[1], [null], [undefined], [true], [5n], [{}], [[]], [new Map()], [new Date(0)]])(
    'is small, but not nothing, for %o',
    (value) => {
      expect(sizeOf(value)).toBeGreaterThan(0);
      expect(sizeOf(value)).toBeLessThan(100);
    },
  );

  test('is found of one that holds itself, and of one that is deep', () => {
    const self: Record<string, unknown> = {};
    self.self = self;
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(sizeOf(self)).toBeLessThan(1000);
    expect(sizeOf(deep)).toBeLessThan(1000);
  });
});
