import { expect, it } from 'vitest';
import { withCauses } from '../../../src/cli/causes.js';

it('tells what went wrong with its causes, each once, and none for ever', () => {
  const root = new RangeError('too much');
  const middle = new Error('the update failed: too much', { cause: root });
  expect(withCauses(new Error("it can't start", { cause: middle }))).toBe(
    "it can't start: the update failed: too much",
  );
  expect(withCauses(new Error('outer', { cause: 'a reason' }))).toBe('outer: a reason');
  expect([withCauses('text'), withCauses(undefined)]).toEqual(['text', '']);
  root.cause = root;
  expect(withCauses(root)).toBe('too much');
});
