import { describe, expect, test } from 'vitest';
import { MeanTime } from '../../src/mean-time.js';

describe('The mean time of tasks', () => {
  test('is not known at first, rises at once and falls slowly', () => {
    const mean = new MeanTime();
    const seen = [mean.value];
    for (const time of [1, 9, 9, 1, 0]) {
      mean.note(time);
      seen.push(mean.value);
    }
    expect(seen).toEqual([Number.POSITIVE_INFINITY, 1, 9, 9, 8, 7]);
  });
});
