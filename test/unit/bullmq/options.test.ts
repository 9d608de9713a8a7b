import { inspect } from 'node:util';
import { Cluster, Redis } from 'ioredis';
import { AsyncWorker, TaskModuleError } from 'niceq';
import { type BullConnection, BullWorker, obliterate, serve } from 'niceq/bullmq';
import { describe, expect, test } from 'vitest';
import { makeClient, startError } from '../../../src/bullmq/connection.js';
import { isAfter } from '../../../src/bullmq/kept-updates.js';
import { moduleKey } from '../../../src/bullmq/module-key.js';
import { Modules } from '../../../src/bullmq/server/modules.js';
import { FakeAssignment } from '../workers/fake-channel.js';

const connection = 'redis://127.0.0.1:1';

describe('Options that are none of what they may be are refused', () => {
  test.each([
    [{ name: 'a:b' }, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 3 }, 'name'],
    [{ connection: undefined }, 'connection'],
    [{ connection: { keyPrefix: 'x' } }, 'connection.keyPrefix'],
    [{ connection: 'redis://host?keyPrefix=x' }, 'connection.keyPrefix'],
    [{ connection: new Cluster([{ port: 1 }], { lazyConnect: true }) }, 'connection'],
    [{ prefix: 3 }, 'prefix'],
    [{ concurrency: 0 }, 'concurrency'],
    [{ series: 'a' }, 'series'],
    [{ grace: 0 }, 'grace'],
    [{ grace: 86_400_001 }, 'grace'],
    [{ patience: -1 }, 'patience'],
    [{ logger: {} }, 'logger.debug'],
  ])('of a BullWorker: %o', (options, name) => {
    expect(() => new BullWorker({ name: 'a', connection, ...(options as object) })).toThrow(`\`${name}\``);
  });

  test.each([
    [{ name: 'a:b' }, 'name'],
    [{ modules: undefined }, 'modules'],
    [{ modules: {} }, 'modules'],
    [{ modules: { a: 3 } }, 'modules.a'],
    [{ modules: { a: '' } }, 'modules.a'],
    [{ modules: { a: 'ftp:' } }, 'modules.a'],
    [{ workers: [] }, 'workers'],
    [{ workers: undefined }, 'workers'],
    [{ lockDuration: 0 }, 'lockDuration'],
    [{ stalledInterval: '1' }, 'stalledInterval'],
    [{ grace: Number.NaN }, 'grace'],
    [{ grace: 86_400_001 }, 'grace'],
    [{ logger: {} }, 'logger.debug'],
  ])('of serve: %o', async (options, name) => {
    const good = { name: 'a', connection, modules: { a: 'a.js' }, workers: [new AsyncWorker()] };
    await expect(serve({ ...good, ...(options as object) })).rejects.toThrow(`\`${name}\``);
  });

  test('of obliterate', async () => {
    await expect(obliterate({ name: 'a:b', connection })).rejects.toThrow('`name`');
  });
});

test('A server knows the modules it was given, by URL or path, and names them when another is asked for', () => {
  const modules = new Modules('pictures', {
    object: new URL('file:///a.js'),
    url: 'file:///b.js',
    path: '/c.js',
  });
  const urls = ['object', 'url', 'path'].map((key) => modules.ref(key, 'render').url);
  expect(urls).toEqual(['file:///a.js', 'file:///b.js', 'file:///c.js']);
  expect(() => modules.ref('other', 'render')).toThrow(
    'The servers of `pictures` run no tasks of a module `other`: they have `object`, `url`, `path`;',
  );
});

test('A client is made of a URL, options or another client, which is left alone', () => {
  const given = new Redis({ port: 1, db: 3, lazyConnect: true, keyPrefix: 'x' });
  expect(makeClient('redis://127.0.0.1:1/2').options).toMatchObject({ port: 1, db: 2, lazyConnect: true });
  expect(makeClient({ port: 1, db: 2 }).options).toMatchObject({ port: 1, db: 2, lazyConnect: true });
  expect(makeClient(given).options).toMatchObject({ port: 1, db: 3, maxRetriesPerRequest: null });
  expect(given.options.maxRetriesPerRequest).not.toBe(null);
  expect(() => new BullWorker({ name: 'a', connection: given })).toThrow('`connection.keyPrefix`');
});

test.each([
  'redis://:secret@127.0.0.1:99999',
  'http://:secret@host',
  'redis:///secret@',
  'redis://:secret%@host',
  'user:secret@host',
  '',
])('A connection that is no URL of Redis is refused, and its password is not shown: %s', (url) => {
  const refusal = (() => {
    try {
      return new BullWorker({ name: 'a', connection: url });
    } catch (error) {
      return error;
    }
  })();
  expect(refusal).toBeInstanceOf(TypeError);
  expect((refusal as Error).message).toContain('Expected `connection` to be a URL as redis://');
  expect(inspect(refusal, { depth: null })).not.toContain('secret');
});

test('A client always connects again, whatever its options say', () => {
  const delays = (given: BullConnection) => [1, 100].map((times) => makeClient(given).options.retryStrategy?.(times));
  expect(delays({ retryStrategy: () => null })).toEqual([50, 2000]);
  expect(delays('redis://127.0.0.1:1?retryStrategy=never&maxRetriesPerRequest=1')).toEqual([50, 2000]);
  expect(delays({ retryStrategy: (times) => (times > 1 ? undefined : 7) })).toEqual([7, 2000]);
  expect(makeClient('redis://127.0.0.1:1?maxRetriesPerRequest=1').options.maxRetriesPerRequest).toBe(null);
});

test('A client has the system find out whether Redis is still there, when its options say or after a while', () => {
  const url = 'redis://127.0.0.1:1';
  const given: BullConnection[] = [
    url,
    { port: 1 },
    new Redis({ lazyConnect: true }),
    { keepAlive: 7 },
    `${url}?keepAlive=7`,
  ];
  const delays = given.map((connection) => makeClient(connection).options.keepAlive);
  expect(delays).toEqual([10_000, 10_000, 10_000, 7, 7]);
});

test('Why Redis can not be used is told in words', () => {
  const refused = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
  const messages = [new Error('no such host'), refused, 'closed'].map(
    (cause) => startError({ name: 'a', connection }, cause).message,
  );
  expect(messages).toEqual(
    ['no such host', 'ECONNREFUSED', 'closed'].map((why) => `Redis can't be used for \`a\`: ${why}`),
  );
});

test('A BullWorker that is not connected runs nothing and has nothing to give back', () => {
  const worker = new BullWorker({ name: 'a', connection, patience: Number.POSITIVE_INFINITY });
  const [closure, reference] = [new FakeAssignment(), new FakeAssignment()];
  Object.assign(reference, { fn: { url: 'file:///a.js', name: 'render' } });
  worker.run(closure);
  worker.run(reference);
  expect(closure.log).toEqual([expect.stringMatching(/^failed: The function `fn` can't be sent to another machine/)]);
  expect(reference.log).toEqual(['lost: The worker was stopped']);
  expect(worker.recall(reference)).toBe(false);
});

test('A module is known by the name of its file', () => {
  const keys = ['render.tasks.js', 'render.js', 'render.tasks.mts', 'a%20b.cjs', 'render.v2.tasks.js', 'render'].map(
    (file) => moduleKey(`file:///some/folder/${file}`),
  );
  expect(keys).toEqual(['render', 'render', 'render', 'a b', 'render.v2', 'render']);
  for (const url of ['file:///some/folder/100%.tasks.js', 'nonsense']) {
    expect(() => moduleKey(url)).toThrow(TaskModuleError);
    expect(() => moduleKey(url)).toThrow(`\`${url}\` names no file`);
  }
});

test('Entries of a stream are in order by number, not as text', () => {
  expect(isAfter('10-0', '9-5')).toBe(true);
  expect(isAfter('9-10', '9-9')).toBe(true);
  expect(isAfter('9-9', '9-9')).toBe(false);
  expect(isAfter('1-0', '')).toBe(true);
  expect([isAfter('', '1-0'), isAfter('', '')]).toEqual([false, false]);
});
