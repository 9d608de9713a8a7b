import { type Assignment, AsyncWorker, type Employer, type IWorker, isNiceqError } from 'niceq';
import { serve } from 'niceq/bullmq';
import { describe, expect, test } from 'vitest';
import { errorOf, tasks } from '../conformance/conformance.js';
import { hasRedis } from './redis.js';
import { modules, setScene } from './scene.js';

/** A worker that ends nothing and can be told to resign. */
class Quitter implements IWorker {
  readonly kind = 'idle';
  readonly series = null;
  readonly concurrency = 1;
  readonly began: Promise<void>;
  resign!: (error: Error) => void;
  #onBegun!: () => void;

  constructor() {
    this.began = new Promise((resolve) => {
      this.#onBegun = resolve;
    });
  }

  async start(employer: Employer): Promise<void> {
    this.resign = (error) => employer.resign(error);
  }

  run(assignment: Assignment): void {
    assignment.started();
    this.#onBegun();
  }

  async stop(): Promise<void> {}
  crash(): void {}
}

describe.runIf(hasRedis)('A server of whose workers one resigns', { timeout: 60_000 }, () => {
  const scene = setScene('resigning-one');

  test('takes no more tasks than the others can run', async () => {
    const worker = new Quitter();
    const server = await serve({ ...scene.base, modules, workers: [worker, new AsyncWorker()] });
    scene.ends.push(() => server.close({ timeout: 0 }));
    worker.resign(new Error('enough'));
    const queue = await scene.openQueue();
    const held = queue.call(tasks.pass, [scene.gate.port, 'held']);
    await scene.gate.arrival('held');
    const other = queue.call(tasks.pid);
    await scene.startServer();
    expect(await other).not.toBe(process.pid);
    scene.gate.open('held');
    expect(await held).toBe('held');
  });
});

describe.runIf(hasRedis)('A server whose only worker resigns', { timeout: 60_000 }, () => {
  const scene = setScene('resigning');

  test('while it opens does not open, and says why', async () => {
    const worker = new Quitter();
    const cause = new Error('enough');
    const opening = errorOf(serve({ ...scene.base, modules, workers: [worker] }));
    // It is attached at once, while connections take longer.
    await new Promise(setImmediate);
    worker.resign(cause);
    const error = await opening;
    expect(isNiceqError(error, 'ERR_WORKER_START')).toBe(true);
    expect(error.message).toBe('The server has no worker left that could go on');
    expect(error.cause).toBe(cause);
  });

  test('as soon as it is open ends', async () => {
    const worker = new Quitter();
    const server = await serve({ ...scene.base, modules, workers: [worker] });
    worker.resign(new Error('enough'));
    await server.closed;
    expect((await server.stats()).isHealthy).toBe(false);
  });

  test('while Redis is away ends, and what it ran is run elsewhere', async () => {
    const own = await scene.ownRedis('--appendonly', 'yes', '--appendfsync', 'always');
    const worker = new Quitter();
    const server = await serve({ ...scene.base, modules, workers: [worker], lockDuration: 1500 });
    const queue = await scene.openQueue();
    const task = queue.submit(tasks.add, [1, 2]);
    await worker.began;
    await own.kill();
    worker.resign(new Error('enough'));
    await server.closed;
    await own.start();
    await scene.startServer();
    expect(await task.promise).toBe(3);
    expect(task.attempts).toBe(2);
  });
});
