import type { Redis as Client } from 'ioredis';
import { describe, expect, test } from 'vitest';
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
