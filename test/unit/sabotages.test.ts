import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sabotages } from '../sabotage/sabotages.js';

describe('Each sabotage', () => {
  test('fits one place of its file', () => {
    const times = sabotages.map(({ name, file, find }) => {
      const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
      return [name, text.split(find).length - 1];
    });
    expect(times.filter(([, count]) => count !== 1)).toEqual([]);
  });
});
