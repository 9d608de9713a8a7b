import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import getPort from 'get-port';
import { Redis } from 'ioredis';
import { AsyncWorker } from 'niceq';
import { type BullConnection, serve } from 'niceq/bullmq';
import { describe, expect, test } from 'vitest';
import { tasks } from '../conformance/conformance.js';
import { hasRedis } from './redis.js';
import { modules, setScene } from './scene.js';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

describe.runIf(hasRedis)('A Redis with TLS', { timeout: 60_000 }, () => {
  const scene = setScene('tls');

  async function open(): Promise<{ port: number; clients(): Promise<number> }> {
    const port = await getPort({ host: '127.0.0.1' });
    const files = ['--tls-cert-file', fixture('certificate'), '--tls-key-file', fixture('key')];
    const own = await scene.ownRedis('--tls-port', String(port), ...files, '--tls-auth-clients', 'no');
    const plain = new Redis(own.url);
    scene.ends.push(async () => plain.disconnect());
    const clients = async () =>
      String(await plain.client('LIST'))
        .trim()
        .split('\n').length;
    return { port, clients };
  }

  test('is used by who trusts its certificate', async () => {
    const { port } = await open();
    const connection = { host: 'localhost', port, tls: { ca: readFileSync(fixture('certificate')) } };
    const server = await serve({ ...scene.base, connection, modules, workers: [new AsyncWorker({ concurrency: 4 })] });
    const queue = await scene.openQueue({ connection });
    const sums = await Promise.all(Array.from({ length: 100 }, (_, i) => queue.call(tasks.add, [i, 1])));
    expect(sums).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    await queue.shutdown();
    await server.close();
  });

  test('is refused by who does not, whom Redis then tells what it thinks of that', async () => {
    const { port, clients } = await open();
    const connection = `rediss://localhost:${port}`;
    const why = { code: 'ERR_WORKER_START', message: expect.stringContaining('self-signed certificate') };
    const serving = serve({ ...scene.base, connection, modules, workers: [new AsyncWorker()] });
    await expect(serving).rejects.toMatchObject(why);
    await expect(scene.openQueue({ connection })).rejects.toMatchObject(why);
    // What it has to say of a connection it says before it closes it: it would end the program as an unhandled error.
    while ((await clients()) > 1) await new Promise(setImmediate);
    await new Promise(setImmediate);
  });

  test('is not reached by who speaks to it without TLS, and one without it not by who speaks to it with, and is told so', async () => {
    const { port } = await open();
    const { port: plain } = new URL(scene.base.connection);
    const serving = (connection: BullConnection) =>
      serve({ ...scene.base, connection, modules, workers: [new AsyncWorker()] });
    await expect(serving(`redis://localhost:${port}`)).rejects.toThrow('use `rediss://` if it expects that');
    // It says nothing, as it takes what it is sent for a command that goes on.
    const patient = { host: '127.0.0.1', port: Number(plain), tls: {}, connectTimeout: 500 };
    await expect(serving(patient)).rejects.toThrow('use `redis://` if it has none');
  });
});
