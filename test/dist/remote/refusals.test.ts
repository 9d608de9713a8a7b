import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { AsyncWorker, isNiceqError, taskModule } from 'niceq';
import { BullWorker, serve } from 'niceq/bullmq';
import { describe, expect, test } from 'vitest';
import { type Orders, write } from '../../../src/bullmq/protocol.js';
import { errorOf, tasks } from '../conformance/conformance.js';
import { Cable } from './cable.js';
import { makeLogger } from './logger.js';
import { hasRedis } from './redis.js';
import { modules, setScene } from './scene.js';

const streams = taskModule<typeof import('../fixtures/streams.tasks.mjs')>(modules.streams);

describe.runIf(hasRedis)('What Redis refuses', { timeout: 60_000 }, () => {
  const scene = setScene('refusals');

  /** A client of the test's own. */
  function connect(): Redis {
    const client = new Redis(scene.base.connection);
    scene.ends.push(async () => client.disconnect());
    return client;
  }

  /** A Redis of this test's own, which takes nothing more while it is full. */
  async function smallRedis(): Promise<(isFull: boolean) => Promise<unknown>> {
    await scene.ownRedis();
    const client = connect();
    return (isFull) => client.config('SET', 'maxmemory', isFull ? '1' : '0');
  }

  test('is lost: a result', async () => {
    const fill = await smallRedis();
    await scene.startServer({ places: 2 });
    const queue = await scene.openQueue();
    const held = queue.submit(tasks.pass, [scene.gate.port, 'held'], { retry: { lost: 0 } });
    await scene.gate.arrival('held');
    await fill(true);
    scene.gate.open('held');
    const error = await errorOf(held.promise);
    expect([isNiceqError(error, 'ERR_WORKER_LOST'), error.attempts]).toEqual([true, 1]);
    expect(error.message).toContain('OOM');
    await fill(false);
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
  });

  test('is lost: a task, alone or with others, and so is an update', async () => {
    const fill = await smallRedis();
    await scene.startServer();
    const queue = await scene.openQueue({ grace: 50 });
    await fill(true);
    for (const count of [1, 3]) {
      const calls = Array.from({ length: count }, (_, i) => errorOf(queue.call(tasks.add, [i, 1])));
      for (const error of await Promise.all(calls)) {
        expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
        expect(error.message).toContain('OOM');
      }
    }
    for (const ephemeral of [false, true]) {
      const { errors } = (await errorOf(queue.update(tasks.record, ['x'], { ephemeral }))) as unknown as AggregateError;
      expect(errors[0].message).toContain('OOM');
    }
    await fill(false);
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
  });

  test('ends an iteration, at both ends', async () => {
    const fill = await smallRedis();
    await scene.startServer();
    const queue = await scene.openQueue();
    const items = await queue.call(streams.count, [1_000_000]);
    await items.next();
    await fill(true);
    const error = await errorOf(
      (async () => {
        for await (const _ of items);
      })(),
    );
    expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
    expect(error.message).toContain('OOM');
    await fill(false);
    while ((await queue.call(streams.tally)).closed === 0);
  });
});

describe.runIf(hasRedis)('Whoever reaches Redis', { timeout: 60_000 }, () => {
  const scene = setScene('intruders');
  const key = (rest: string) => `${scene.base.prefix}:${scene.base.name}:${rest}`;

  /** The id of the only one with this role. */
  async function only(role: string): Promise<string> {
    const members = Object.entries(await scene.redis.client.hgetall(key('members')));
    return members.find(([, one]) => one === role)?.[0] as string;
  }

  test('can not keep an update waiting by an answer that makes no sense', async () => {
    const { client } = scene.redis;
    const listener = client.duplicate();
    scene.ends.push(async () => listener.disconnect());
    const queue = await scene.openQueue();
    await listener.subscribe(key('presence:intruder'));
    const first = (await client.xadd(key('inbox:intruder'), '*', '0', '')) as string;
    await client.hset(key('members'), 'intruder', 'server');
    const update = errorOf(queue.update(tasks.record, ['x'], { ephemeral: true }));
    const reader = client.duplicate();
    const [[, entries]] = (await reader.xread('BLOCK', 0, 'STREAMS', key('inbox:intruder'), first)) as [
      [string, [string, string[]][]],
    ];
    reader.disconnect();
    const job = entries[0]?.[1][0] as string;
    await client.xadd(key(`inbox:${await only('caller')}`), '*', job, 'nonsense');
    const { errors } = (await update) as unknown as AggregateError;
    expect(isNiceqError(errors[0], 'ERR_NOT_PORTABLE')).toBe(true);
  });

  test('can not have a server pass over updates by naming one of the far future', async () => {
    await scene.startServer();
    const queue = await scene.openQueue();
    const order = write<Orders>(['keep', 'intruder', 1, '99999999999999-0']);
    await scene.redis.client.xadd(key(`inbox:${await only('server')}`), '*', '1', order);
    await queue.update(tasks.record, ['real']);
    expect(await queue.call(tasks.recorded)).toEqual(['real']);
  });

  test('can not keep a server from its inbox by a message that makes no sense, although its logger throws', async () => {
    await scene.startServer({ hasBrokenLogger: true });
    const queue = await scene.openQueue();
    const { client } = scene.redis;
    const server = await only('server');
    await client.xadd(key(`inbox:${server}`), '*', '1', 'nonsense');
    await client.publish(key(`presence:${server}`), 'nonsense');
    const held = queue.submit(tasks.untilAborted, [scene.gate.port, 'held']);
    await scene.gate.arrival('held');
    held.cancel('enough');
    await scene.gate.arrival('enough');
    scene.gate.open('enough');
  });
});

describe.runIf(hasRedis)('A password that Redis refuses', { timeout: 60_000 }, () => {
  const scene = setScene('passwords');

  test('is in no error and no warning', async () => {
    const own = await scene.ownRedis('--requirepass', 'right');
    const connection = own.url.replace('//', '//:secret@');
    const told: unknown[] = [];
    const tell = (...line: unknown[]) => void told.push(line);
    const logger = { debug: tell, info: tell, warn: tell, error: tell };
    const options = { ...scene.base, connection, modules, workers: [new AsyncWorker()], logger };
    told.push(await errorOf(serve(options)));
    expect(inspect(told, { depth: null })).toContain('WRONGPASS');
    expect(inspect(told, { depth: null, showHidden: true })).not.toContain('secret');
  });
});

describe.runIf(hasRedis)('A Redis that goes away', { timeout: 60_000 }, () => {
  const scene = setScene('away');

  test('while a worker is being attached is not waited for longer than the worker has patience', async () => {
    const cable = await Cable.to(Number(new URL(scene.redis.url).port));
    scene.ends.push(() => cable.end());
    cable.cutAt('subscribe');
    const queue = await scene.openQueue();
    const connection = `redis://127.0.0.1:${cable.port}`;
    const error = await errorOf(queue.attachWorker(new BullWorker({ ...scene.base, connection, patience: 300 })));
    expect(isNiceqError(error, 'ERR_WORKER_START')).toBe(true);
    expect(error.message).toContain('300 ms');
    expect(queue.workers()).toHaveLength(1);
  });

  test('is told of once, until it is back', async () => {
    const own = await scene.ownRedis();
    const { logger, warnings, warning } = makeLogger();
    const server = await serve({ ...scene.base, modules, workers: [new AsyncWorker()], logger });
    scene.ends.push(() => server.close({ timeout: 0 }));
    const queue = await scene.openQueue();
    for (let outages = 1; outages <= 2; outages++) {
      const warned = warning();
      await own.kill();
      await warned;
      await own.start();
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
      // Of a job that is forgotten before BullMQ has ended it BullMQ complains.
      const client = new Redis(own.url);
      while ((await client.exists(`${scene.base.prefix}:${scene.base.name}:active`)) > 0);
      client.disconnect();
      expect(warnings).toEqual(Array.from({ length: outages }, () => 'The connection to Redis failed'));
    }
  });

  test('for one connection of BullMQ alone is none: that connects again', async () => {
    const cable = await Cable.to(Number(new URL(scene.redis.url).port));
    scene.ends.push(() => cable.end());
    const { logger, warnings } = makeLogger();
    const reset = cable.resetAt('bzpopmin');
    const connection = `redis://127.0.0.1:${cable.port}`;
    const server = await serve({ ...scene.base, connection, modules, workers: [new AsyncWorker()], logger });
    scene.ends.push(() => server.close());
    await reset;
    const queue = await scene.openQueue();
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    expect(warnings).toEqual([]);
  });
});
