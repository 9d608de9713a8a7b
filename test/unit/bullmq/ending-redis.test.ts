import { Socket } from 'node:net';
import { expect, test } from 'vitest';
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
