import { AsyncWorker, TaskQueue, taskModule } from 'niceq';
import { type BullConnection, type BullServer, BullWorker, serve } from 'niceq/bullmq';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, tasks } from '../conformance/conformance.js';
import { hasRedis, SharedRedis } from './redis.js';
import { modules } from './scene.js';

const streams = taskModule<typeof import('../fixtures/streams.tasks.mjs')>(modules.streams);

describe.runIf(hasRedis)('A server in the same program', () => {
  let redis: SharedRedis;
  let count = 0;
  let base: { name: string; connection: BullConnection; prefix: string };
  beforeAll(async () => {
    redis = await SharedRedis.open();
  });
  afterAll(() => redis.close());
  beforeEach(() => {
    base = { name: `server-${++count}`, connection: redis.url, prefix: redis.prefix };
  });

  const open = () => serve({ ...base, modules, workers: [new AsyncWorker()] });

  async function withQueue(use: (queue: TaskQueue) => Promise<void>): Promise<void> {
    const queue = new TaskQueue();
    try {
      await queue.attachWorker(new BullWorker(base));
      await use(queue);
    } finally {
      await queue.shutdown({ mode: 'crash' });
    }
  }

  const figures = async (server: BullServer) => {
    const { isHealthy, isConnected, running, iterating, waiting } = await server.stats();
    return { isHealthy, isConnected, running, iterating, waiting };
  };

  test('tells how it is, also when it has ended', async () => {
    const idle = { isHealthy: true, isConnected: true, running: 0, iterating: 0, waiting: 0 };
    const server = await open();
    expect(await figures(server)).toEqual(idle);
    await withQueue(async (queue) => expect(await queue.call(tasks.add, [1, 2])).toBe(3));
    expect(await figures(server)).toEqual(idle);
    await server.close();
    expect(await figures(server)).toMatchObject({ isHealthy: false, running: 0, iterating: 0 });
  });

  test('is reached by the options of a client, or a client, which is left alone', async () => {
    const { hostname, port } = new URL(redis.url);
    for (const connection of [{ host: hostname, port: Number(port) }, redis.client]) {
      base = { ...base, connection };
      await using _server = await open();
      await withQueue(async (queue) => expect(await queue.call(tasks.add, [1, 2])).toBe(3));
    }
    expect(await redis.client.ping()).toBe('PONG');
  });

  test('ends although a caller holds an iteration that it does not read, and tells the caller', async () => {
    const server = await serve({ ...base, modules, workers: [new AsyncWorker()], grace: 50 });
    await withQueue(async (queue) => {
      const items = await queue.call(streams.count, [1_000_000]);
      expect(await items.next()).toEqual({ value: 0, done: false });
      await server.close();
      const error = await errorOf(
        (async () => {
          for await (const _ of items);
        })(),
      );
      expect(error).toMatchObject({ code: 'ERR_WORKER_LOST', message: expect.stringContaining('nobody read') });
    });
  });

  test('refuses tasks of a module it was not given', async () => {
    await using _server = await open();
    const other = taskModule<typeof import('../conformance/tasks.js')>('file:///somewhere/other.js');
    await withQueue(async (queue) => {
      const error = await errorOf(queue.call(other.add, [1, 2]));
      expect(error).toMatchObject({ code: 'ERR_TASK_MODULE', message: expect.stringContaining('module `other`') });
    });
  });
});
