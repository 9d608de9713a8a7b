import { AsyncWorker } from 'niceq';
import { BullWorker, obliterate, serve } from 'niceq/bullmq';
import { describe, expect, test } from 'vitest';
import { isAfter } from '../../../src/bullmq/kept-updates.js';
import { moduleKey } from '../../../src/bullmq/module-key.js';

const connection = 'redis://127.0.0.1:1';

describe('Options that are none of what they may be are refused', () => {
  test.each([
    [{ name: 'a:b' }, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 3 }, 'name'],
    [{ connection: undefined }, 'connection'],
    [{ connection: { keyPrefix: 'x' } }, 'connection.keyPrefix'],
    [{ prefix: 3 }, 'prefix'],
    [{ concurrency: 0 }, 'concurrency'],
    [{ series: 'a' }, 'series'],
    [{ grace: 0 }, 'grace'],
    [{ patience: -1 }, 'patience'],
  ])('of a BullWorker: %o', (options, name) => {
    expect(() => new BullWorker({ name: 'a', connection, ...(options as object) })).toThrow(`\`${name}\``);
  });

  test.each([
    [{ name: 'a:b' }, 'name'],
    [{ modules: undefined }, 'modules'],
    [{ modules: {} }, 'modules'],
    [{ modules: { a: 3 } }, 'modules.a'],
    [{ workers: [] }, 'workers'],
    [{ workers: undefined }, 'workers'],
    [{ lockDuration: 0 }, 'lockDuration'],
    [{ stalledInterval: '1' }, 'stalledInterval'],
    [{ grace: Number.NaN }, 'grace'],
    [{ logger: {} }, 'logger.debug'],
  ])('of serve: %o', async (options, name) => {
    const good = { name: 'a', connection, modules: { a: 'a.js' }, workers: [new AsyncWorker()] };
    await expect(serve({ ...good, ...(options as object) })).rejects.toThrow(`\`${name}\``);
  });

  test('of obliterate', async () => {
    await expect(obliterate({ name: 'a:b', connection })).rejects.toThrow('`name`');
  });
});

test('A module is known by the name of its file', () => {
  const keys = ['render.tasks.js', 'render.js', 'render.tasks.mts', 'a%20b.cjs', 'render.v2.tasks.js', 'render'].map(
    (file) => moduleKey(`file:///some/folder/${file}`),
  );
  expect(keys).toEqual(['render', 'render', 'render', 'a b', 'render.v2', 'render']);
});

test('Entries of a stream are in order by number, not as text', () => {
  expect(isAfter('10-0', '9-5')).toBe(true);
  expect(isAfter('9-10', '9-9')).toBe(true);
  expect(isAfter('9-9', '9-9')).toBe(false);
  expect(isAfter('1-0', '')).toBe(true);
  expect([isAfter('', '1-0'), isAfter('', '')]).toEqual([false, false]);
});
