import { describe, expect, test } from 'vitest';
import { updateName } from '../../../src/handler/updates.js';

describe('The name of a kept update', () => {
  test('is another one for each without a key', () => {
    expect(updateName(undefined)).not.toBe(updateName(undefined));
  });

  test.each([
    ['text', 'a', 'a'],
    ['number', 1, 1],
    ['big integer', 1n, 1n],
    ['boolean', true, true],
    ['null', null, null],
    ['registered symbol', Symbol.for('a'), Symbol.for('a')],
  ])('is the same for equal keys: %s', (_, key, other) => {
    expect(updateName(key)).toBe(updateName(other));
  });

  test.each([
    ['symbol', Symbol('a')],
    ['object', {}],
    ['function', () => {}],
  ])('is the same for the same %s', (_, key) => {
    expect(updateName(key)).toBe(updateName(key));
  });

  test('is another one for each other key', () => {
    const keys = ['1', 1, 1n, 'null', null, true, 'true', {}, {}, () => {}, Symbol('1'), Symbol('1'), Symbol.for('1')];
    expect(new Set(keys.map(updateName)).size).toBe(keys.length);
  });
});
