import { Socket } from 'node:net';
import getPort from 'get-port';
import { expect, onTestFinished, test, vi } from 'vitest';
import { EndingRedis } from '../../../src/bullmq/ending-redis.js';

test('Whatever goes wrong with a connection more than once does not end the program', () => {
  const client = new EndingRedis({ lazyConnect: true });
  const copy = client.duplicate();
  for (const one of [client, copy]) {
    for (let i = 0; i < 2; i++) {
      const socket = new Socket();
      one.stream = socket;
      expect(one.stream).toBe(socket);
      expect(socket.emit('error', new Error('the certificate is not trusted'))).toBe(true);
      expect(socket.emit('error', new Error('the other side complains'))).toBe(true);
    }
    one.disconnect();
  }
});

test('Who is told to end when it has ended waits for nothing', async () => {
  const client = new EndingRedis({ port: await getPort(), lazyConnect: true, retryStrategy: () => 50 });
  client.on('error', () => {});
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  await expect(client.connect()).rejects.toThrow();
  for (let i = 0; i < 2; i++) client.disconnect();
  expect([client.status, vi.getTimerCount()]).toEqual(['end', 0]);
});
