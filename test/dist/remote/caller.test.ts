import { isNiceqError, taskModule, WorkerLostError } from 'niceq';
import type { BullWorkerOptions } from 'niceq/bullmq';
import { describe, expect, test } from 'vitest';
import { encodeError } from '../../../src/protocol/error-record.js';
import { errorOf, tasks } from '../conformance/conformance.js';
import { makeLogger } from './logger.js';
import { Puppet } from './puppet.js';
import { hasRedis } from './redis.js';
import { everything, modules, setScene } from './scene.js';

const streams = taskModule<typeof import('../fixtures/streams.tasks.mjs')>(modules.streams);

describe.runIf(hasRedis)('A caller', { timeout: 60_000 }, () => {
  const scene = setScene('caller');
  const once = { retry: { lost: 0 } };

  async function meet(options: Partial<BullWorkerOptions> = {}) {
    const queue = await scene.openQueue(options);
    return { queue, puppet: await Puppet.enter(scene) };
  }

  test('takes what comes twice once, and nothing of tasks it does not have', async () => {
    const { queue, puppet } = await meet();
    const result = queue.call(tasks.add, [1, 2]);
    const error = encodeError(new Error('nobody'));
    await puppet.say(['started', 9, puppet.id, 1]);
    await puppet.say(['lost', 9, error]);
    await puppet.say(['iterates', 9, 1, 2]);
    await puppet.say(['items', 9, 0, [1]]);
    await puppet.say(['iterated', 9, null]);
    await puppet.say(['progress', 9, 1]);
    await puppet.say(['updated', 9, puppet.id, 1, null]);
    await puppet.tell(9, 'nonsense');
    await puppet.begin(1);
    await puppet.begin(1);
    await puppet.say(['done', 1, 3, 0, 2]);
    await puppet.say(['done', 1, 4, 0, 2]);
    await puppet.say(['failed', 1, error, 1, 2]);
    expect(await result).toBe(3);
  });

  test('reads a batch of items that comes twice once, and knows an iteration from a result', async () => {
    const { queue, puppet } = await meet();
    const iteration = queue.call(streams.count, [3]);
    await puppet.begin(1);
    await puppet.say(['iterates', 1, 1, 2]);
    await puppet.say(['iterates', 1, 1, 2]);
    await puppet.say(['items', 1, 0, [0]]);
    await puppet.say(['items', 1, 0, [0]]);
    await puppet.say(['done', 1, 'a result', 1, 2]);
    await puppet.say(['items', 1, 1, [1, 2]]);
    await puppet.say(['iterated', 1, null]);
    const items: number[] = [];
    for await (const item of await iteration) items.push(item);
    expect(items).toEqual([0, 1, 2]);
  });

  test.each([
    ['nobody knows why', null, 'The items of the task are lost'],
    ['its server does', encodeError(new WorkerLostError('The worker died')), 'The worker died'],
  ])('loses an iteration of which it has not heard the beginning: %s', async (_, record, message) => {
    const { queue, puppet } = await meet();
    const lost = errorOf(queue.call(streams.count, [3], once));
    await puppet.begin(1);
    await puppet.say(['iterated', 1, record]);
    const error = await lost;
    expect([isNiceqError(error, 'ERR_WORKER_LOST'), error.message]).toEqual([true, expect.stringContaining(message)]);
  });

  test('keeps the reason of a loss, whatever it is', async () => {
    const { queue, puppet } = await meet();
    const lost = errorOf(queue.call(tasks.add, [1, 2], once));
    await puppet.begin(1);
    await puppet.say(['lost', 1, encodeError(new RangeError('too much'))]);
    const error = await lost;
    expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
    expect(error.message).toContain('RangeError: too much');
  });

  test('ends a task of which it is told nonsense, here and on its server', async () => {
    const { queue, puppet } = await meet();
    const waiting = errorOf(queue.call(tasks.add, [1, 2]));
    await puppet.tell(1, 'nonsense');
    expect(isNiceqError(await waiting, 'ERR_NOT_PORTABLE')).toBe(true);
    const running = errorOf(queue.call(tasks.add, [1, 2]));
    await puppet.begin(2);
    await puppet.tell(2, 'nonsense');
    expect(isNiceqError(await running, 'ERR_NOT_PORTABLE')).toBe(true);
    expect(await puppet.hear()).toEqual(['abort', expect.any(String), 2, expect.anything()]);
  });

  test('ends an iteration of which it is told nonsense, after what has come', async () => {
    const { queue, puppet } = await meet();
    const iteration = queue.call(streams.count, [3]);
    await puppet.begin(1);
    await puppet.say(['iterates', 1, 1, 2]);
    await puppet.say(['items', 1, 0, [0]]);
    await puppet.tell(1, 'nonsense');
    const items = await iteration;
    expect(await items.next()).toEqual({ value: 0, done: false });
    expect(isNiceqError(await errorOf(items.next()), 'ERR_NOT_PORTABLE')).toBe(true);
  });

  test('has a task end that was cancelled before its server said that it has begun', async () => {
    const { queue, puppet } = await meet();
    const task = queue.submit(tasks.add, [1, 2]);
    await puppet.take(1);
    const ended = errorOf(task.promise);
    expect(task.cancel('enough')).toBe(true);
    expect(isNiceqError(await ended, 'ERR_TASK_CANCELLED')).toBe(true);
    await puppet.begin(1);
    expect(await puppet.hear()).toEqual(['abort', expect.any(String), 1, expect.anything()]);
  });

  test('has a task end that it runs elsewhere, as it may have missed what its server said', async () => {
    const { queue, puppet } = await meet();
    const lost = errorOf(queue.call(tasks.add, [1, 2], once));
    const begun = new Promise((resolve) => queue.on('started', resolve));
    await puppet.take(1);
    await puppet.begin(1);
    await begun;
    await puppet.dropInbox();
    await puppet.call(['refused', puppet.id, [], 'there is no inbox']);
    expect(await puppet.hear()).toEqual(['abort', expect.any(String), 1, expect.anything()]);
    expect(isNiceqError(await lost, 'ERR_WORKER_LOST')).toBe(true);
  });

  test('tells that its inbox was lost, although Redis refused what else it needs to be there again', async () => {
    const connection = await scene.userWith(...everything);
    const { logger, warning } = makeLogger();
    const { queue, puppet } = await meet({ connection, logger });
    const lost = errorOf(queue.call(tasks.add, [1, 2], once));
    const begun = new Promise((resolve) => queue.on('started', resolve));
    await puppet.take(1);
    await puppet.begin(1);
    await begun;
    await scene.userWith(...everything, '-hset');
    await puppet.dropInbox();
    const refused = warning('Redis refused to answer');
    await puppet.call(['refused', puppet.id, [], 'there is no inbox']);
    await refused;
    await scene.userWith(...everything);
    const error = await lost;
    expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
    expect(error.message).toContain('Redis has dropped its inbox');
  });

  test('that leaves at once has what runs end, and takes back what waits', async () => {
    const { queue, puppet } = await meet();
    const running = queue.submit(tasks.add, [1, 2]);
    const waiting = queue.submit(tasks.add, [1, 2]);
    const begun = new Promise((resolve) => queue.on('started', resolve));
    await puppet.take(1);
    await puppet.begin(1);
    await begun;
    const ends = Promise.all([errorOf(running.promise), errorOf(waiting.promise)]);
    await queue.shutdown({ mode: 'crash' });
    for (const error of await ends) expect(isNiceqError(error, 'ERR_TASK_CANCELLED')).toBe(true);
    expect(await puppet.hear()).toEqual(['abort', expect.any(String), 1, expect.anything()]);
    while ((await scene.redis.client.zcard(puppet.key('prioritized'))) > 0);
  });
});
