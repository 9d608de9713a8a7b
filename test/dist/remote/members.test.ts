import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AsyncWorker } from 'niceq';
import { serve } from 'niceq/bullmq';
import { describe, expect, test } from 'vitest';
import { Member, type Role } from '../../../src/bullmq/member.js';
import { tasks } from '../conformance/conformance.js';
import { makeLogger } from './logger.js';
import { hasRedis } from './redis.js';
import { everything, modules, setScene } from './scene.js';

describe.runIf(hasRedis)('What members have in Redis', { timeout: 60_000 }, () => {
  const scene = setScene('members');
  const key = (rest: string) => `${scene.base.prefix}:${scene.base.name}:${rest}`;

  async function leftovers(): Promise<string[]> {
    return (await scene.redis.keys()).filter((one) => one.startsWith(key('')));
  }

  /** A caller that has died after its only task. */
  async function dead(): Promise<void> {
    const program = fileURLToPath(new URL('./dying.mjs', import.meta.url));
    await once(fork(program, [JSON.stringify(scene.base), modules.tasks], { execArgv: [] }), 'exit');
  }

  async function membersAre(count: number): Promise<void> {
    while ((await scene.redis.client.hlen(key('members'))) !== count) await new Promise(setImmediate);
  }

  test('a user may remove whom the ACL of the README confines to one name', async () => {
    const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
    const [, acl] = /An ACL can confine a user to one name: `([^`]+)`/.exec(readme) as unknown as [string, string];
    const rules = acl.replaceAll('niceq:words', `${scene.base.prefix}:${scene.base.name}`).split(' ');
    const connection = await scene.userWith(...rules);
    const { logger, warnings } = makeLogger();
    const server = await serve({ ...scene.base, connection, modules, workers: [new AsyncWorker()], logger });
    const queue = await scene.openQueue({ connection, logger });
    await queue.update(tasks.record, ['kept']);
    expect(await queue.call(tasks.recorded)).toEqual(['kept']);
    await queue.shutdown();
    await server.close();
    expect(await leftovers()).toEqual([key('updates')]);
    expect(warnings).toEqual([]);
  });

  test('and a user may not remove stays, of which the logger is told', async () => {
    const connection = await scene.userWith(...everything);
    const { logger, warnings } = makeLogger();
    const queue = await scene.openQueue({ connection, logger });
    await scene.userWith(...everything, '-eval');
    await queue.shutdown();
    expect(warnings).toEqual(['Not all could be removed from Redis']);
  });

  test('is removed of those that died without a word, while others work on', async () => {
    await scene.startServer();
    const queue = await scene.openQueue();
    await Promise.all([dead(), dead(), dead()]);
    await membersAre(2);
    expect((await leftovers()).filter((one) => one.includes(':inbox:'))).toHaveLength(2);
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
  });

  test('is removed by the next that comes, if only callers are there', async () => {
    const server = await scene.startServer();
    const queue = await scene.openQueue();
    await dead();
    await server.kill();
    await scene.openQueue();
    await membersAre(2);
    await queue.shutdown();
  });

  test('is gone with one that leaves, and what was still said to it then is not told of as refused by Redis', async () => {
    const { logger, warnings } = makeLogger();
    const enter = async (role: Role) => {
      const member = await Member.connect(role, { ...scene.base, grace: 100, isRef: true, logger });
      scene.ends.push(() => member.leave());
      const lost: string[] = [];
      await member.enter({ receive() {}, refused: (to) => lost.push(to) });
      return { member, lost };
    };
    const [{ member: server, lost }, { member: caller }] = [await enter('server'), await enter('caller')];
    expect(await server.watch.isThere(caller.id)).toBe(true);
    await caller.leave();
    const listeners = () => scene.redis.client.pubsub('NUMSUB', key(`presence:${caller.id}`));
    while (Number((await listeners())[1]) > 0);
    server.send(caller.id, 1, 'too late');
    await server.written();
    // Then it has been called in vain, too.
    for (let answers = 0; answers < 3; answers++) await server.client.ping();
    expect(await server.watch.gone([caller.id])).toEqual([caller.id]);
    expect([warnings, lost]).toEqual([[], []]);
  });

  test('is gone when whoever has it leave hears that, also the second who does', async () => {
    const member = await Member.connect('caller', { ...scene.base, grace: 1000, isRef: true, logger: undefined });
    await member.enter({ receive() {}, refused() {} });
    expect(await leftovers()).not.toEqual([]);
    void member.leave();
    await member.leave();
    expect(await leftovers()).toEqual([]);
  });
});
