import type { Redis as Client } from 'ioredis';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Keys } from '../../../src/bullmq/keys.js';
import { Watch } from '../../../src/bullmq/watch.js';

describe('A watch', () => {
  test('leaves the program to others while Redis can not be asked, and ends when it is closed', async () => {
    const client = { status: 'reconnecting' } as unknown as Client;
    const watch = new Watch(client, new Keys('niceq', 'name'), 1000);
    const isThere = watch.isThere('somebody');
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    watch.close();
    expect(await isThere).toBe(false);
  });

  test('notices that they are gone, however many it watches or is asked for', async () => {
    const pubsub = async (_: string, ...channels: string[]) => channels.flatMap((channel) => [channel, 0]);
    const watch = new Watch({ status: 'ready', pubsub } as unknown as Client, new Keys('niceq', 'name'), 20);
    const members = Array.from({ length: 1500 }, (_, i) => `member ${i}`);
    const gone = members.map((member) => new Promise<void>((resolve) => watch.watch(member, resolve)));
    expect(await watch.gone(members.map((member) => `other ${member}`))).toHaveLength(1500);
    await Promise.all(gone);
    watch.close();
  });

  test('waits with what it says of those that are gone until Redis can be asked', async () => {
    let looks = 0;
    const pubsub = async () => {
      looks++;
      if (looks % 2 === 0) throw new Error('BUSY');
      return ['channel', 0];
    };
    const watch = new Watch({ status: 'ready', pubsub } as unknown as Client, new Keys('niceq', 'name'), 20);
    expect(await watch.gone(['somebody'])).toEqual(['somebody']);
    watch.close();
  });

  test('notices that one is gone although Redis takes longer to answer than the time of grace', async () => {
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
    onTestFinished(() => clock.mockRestore());
    const pubsub = async () => {
      now += 2;
      return ['channel', 0];
    };
    const watch = new Watch({ status: 'ready', pubsub } as unknown as Client, new Keys('niceq', 'name'), 1);
    expect(await watch.gone(['somebody'])).toEqual(['somebody']);
    watch.close();
  });

  test('takes one that it has seen to be there for granted while it looks again, and nobody else', async () => {
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
    onTestFinished(() => clock.mockRestore());
    let looks = 0;
    let listeners = 1;
    const pubsub = async () => {
      looks++;
      return ['channel', listeners];
    };
    const watch = new Watch({ status: 'ready', pubsub } as unknown as Client, new Keys('niceq', 'name'), 1);
    expect(watch.wasSeen('somebody')).toBe(false);
    expect(await watch.isThere('somebody')).toBe(true);
    expect([watch.wasSeen('somebody'), looks]).toEqual([true, 1]);
    now = 1001;
    listeners = 0;
    expect([watch.wasSeen('somebody'), looks]).toEqual([true, 2]);
    await new Promise(setImmediate);
    expect(watch.wasSeen('somebody')).toBe(false);
    listeners = 1;
    expect(await watch.isThere('somebody')).toBe(true);
    watch.close();
    expect(watch.wasSeen('somebody')).toBe(false);
  });

  test('knows one again that was gone and has come back', async () => {
    let listeners = 0;
    const client = { status: 'ready', pubsub: async () => ['channel', listeners] } as unknown as Client;
    const watch = new Watch(client, new Keys('niceq', 'name'), 20);
    expect(await watch.isThere('somebody')).toBe(false);
    listeners = 1;
    expect(await watch.isThere('somebody')).toBe(true);
    watch.close();
  });
});
