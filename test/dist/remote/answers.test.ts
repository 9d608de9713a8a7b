import { Redis } from 'ioredis';
import { AsyncWorker, isNiceqError } from 'niceq';
import { serve } from 'niceq/bullmq';
import { describe, expect, test } from 'vitest';
import { errorOf, tasks } from '../conformance/conformance.js';
import { Cable } from './cable.js';
import { makeLogger } from './logger.js';
import { hasRedis } from './redis.js';
import { everything, modules, setScene } from './scene.js';

describe.runIf(hasRedis)('While Redis answers with errors only', { timeout: 60_000 }, () => {
  const scene = setScene('errors');

  /** A Redis of this test's own, and how to keep it busy with a script. */
  async function busyRedis() {
    await scene.ownRedis('--busy-reply-threshold', '10');
    const connect = () => {
      const client = new Redis(scene.base.connection);
      scene.ends.push(async () => client.disconnect());
      return client;
    };
    const [client, other] = [connect(), connect()];
    const isBusy = () =>
      client.ping().then(
        () => false,
        () => true,
      );
    return {
      async begin() {
        other.eval('while true do end', 0).catch(() => {});
        while (!(await isBusy()));
      },
      async end() {
        await client.script('KILL');
        while (await isBusy());
      },
    };
  }

  test('what is called waits for an answer, and then runs', async () => {
    const busy = await busyRedis();
    await scene.startServer();
    const { logger, warning } = makeLogger();
    const queue = await scene.openQueue({ logger });
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    await busy.begin();
    const refused = warning('Redis refused to answer');
    const calls = [queue.call(tasks.add, [3, 4]), queue.call(tasks.add, [5, 6])];
    await refused;
    await busy.end();
    expect(await Promise.all(calls)).toEqual([7, 11]);
  });

  test.each([false, true])('an update waits for an answer, and then runs: ephemeral %s', async (ephemeral) => {
    const busy = await busyRedis();
    await scene.startServer();
    const { logger, warning } = makeLogger();
    const queue = await scene.openQueue({ logger });
    await busy.begin();
    const refused = warning('Redis refused to answer');
    const update = queue.update(tasks.add, [1, 2], { ephemeral });
    await refused;
    await busy.end();
    expect(await update).toEqual([3]);
  });

  test('a result that can not be told is lost, as its caller hears afterwards', async () => {
    const busy = await busyRedis();
    const { logger, warning } = makeLogger();
    const server = await serve({ ...scene.base, modules, workers: [new AsyncWorker()], logger });
    scene.ends.push(() => server.close({ timeout: 0 }));
    const queue = await scene.openQueue();
    const held = queue.submit(tasks.pass, [scene.gate.port, 'held'], { retry: { lost: 0 } });
    await scene.gate.arrival('held');
    await busy.begin();
    const refused = warning('Redis refused to answer');
    scene.gate.open('held');
    await refused;
    await busy.end();
    const error = await errorOf(held.promise);
    expect([isNiceqError(error, 'ERR_WORKER_LOST'), error.message]).toEqual([true, expect.stringContaining('BUSY')]);
  });
});

describe.runIf(hasRedis)('A server that Redis does not tell the kept updates', { timeout: 60_000 }, () => {
  const scene = setScene('untold');

  test('ends within its time, and what waits for them runs elsewhere', async () => {
    const connection = await scene.userWith(...everything);
    const server = await serve({ ...scene.base, connection, modules, workers: [new AsyncWorker()] });
    scene.ends.push(() => server.close({ timeout: 0 }));
    const queue = await scene.openQueue();
    const { client } = scene.redis;
    const key = (rest: string) => `${scene.base.prefix}:${scene.base.name}:${rest}`;
    await client.acl('SETUSER', scene.base.name, '-xrange');
    const update = queue.update(tasks.record, ['x']);
    while ((await client.xlen(key('updates'))) === 0);
    const task = queue.submit(tasks.recorded, []);
    while ((await client.llen(key('active'))) === 0);
    await server.close({ timeout: 0 });
    await scene.startServer();
    expect([await task.promise, task.attempts]).toEqual([['x'], 2]);
    await update;
  });
});

describe.runIf(hasRedis)('When the answer to taking a task back is lost', { timeout: 60_000 }, () => {
  const scene = setScene('answers');

  /** A queue with a task that waits in Redis, and when the answer has been lost. */
  async function open() {
    const cable = await Cable.to(Number(new URL(scene.redis.url).port));
    scene.ends.push(() => cable.end());
    const queue = await scene.openQueue({ connection: `redis://127.0.0.1:${cable.port}`, concurrency: 1 });
    const task = queue.submit(tasks.add, [1, 2]);
    await scene.waitingFor(1);
    return { queue, task, lost: cable.loseAnswerTo('ZREM') };
  }

  test('because its worker leaves, it runs elsewhere', async () => {
    const { queue, task, lost } = await open();
    const [worker] = queue.workers();
    const detached = queue.detachWorker(worker?.id as number);
    await lost;
    expect(await detached).toEqual([]);
    await queue.attachWorker(new AsyncWorker());
    expect([await task.promise, task.attempts]).toEqual([3, 1]);
  });

  test('because it is cancelled, its place is free again', async () => {
    const { queue, task, lost } = await open();
    task.promise.catch(() => {});
    task.cancel();
    await lost;
    await scene.startServer();
    expect(await queue.call(tasks.add, [3, 4])).toBe(7);
  });
});
