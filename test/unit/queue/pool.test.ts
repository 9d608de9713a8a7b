import { AsyncWorker, type Employer, type IWorker, type TaskHandle, type TaskQueueOptions } from 'niceq';
import { expect, onTestFinished, test } from 'vitest';
import { PoolQueue, type PoolSizeOption } from '../../../src/queue/pool-queue.js';
import { deferred } from '../deferred.js';
import { errorOf, ManualWorker, nothing, settled } from './helpers.js';

/** A worker that has started when the test says so, or was told to end. */
class SlowWorker extends ManualWorker {
  readonly started = deferred();
  isBegun = false;

  constructor() {
    super();
    this.started.promise.catch(nothing);
  }

  override async start(employer: Employer): Promise<void> {
    this.employer = employer;
    this.isBegun = true;
    await this.started.promise;
  }

  override async stop(): Promise<void> {
    this.calls.push('stop');
    this.started.reject(new Error('stopped'));
  }

  override crash(): void {
    super.crash();
    this.started.reject(new Error('crashed'));
  }
}

/** A queue with workers of the test's. */
class Pool extends PoolQueue {
  readonly made: SlowWorker[];
  readonly attached: IWorker[] = [];
  readonly detached: IWorker[] = [];

  constructor(size: PoolSizeOption, options: TaskQueueOptions = {}) {
    const made: SlowWorker[] = [];
    const create = () => {
      const worker = new SlowWorker();
      made.push(worker);
      return worker;
    };
    super(options, create, 'workers', size);
    // One that never works.
    made.length = 0;
    this.made = made;
    this.on('workerAttached', (worker) => this.attached.push(worker));
    this.on('workerDetached', (worker) => this.detached.push(worker));
    onTestFinished(() => void this.shutdown({ mode: 'crash' }));
  }

  /** Starts all that may start, until none is left. */
  async startAll(): Promise<void> {
    for (;;) {
      const begun = this.made.filter(({ isBegun, calls }) => isBegun && calls.length === 0);
      if (begun.every((worker) => this.attached.includes(worker))) return;
      for (const worker of begun) worker.started.resolve();
      await settled();
    }
  }

  get begun(): number {
    return this.made.filter(({ isBegun }) => isBegun).length;
  }
}

/** A pool that has work for all its workers, some of which start while the others wait for their turn to start. */
async function busyPool(size: number): Promise<Pool> {
  const pool = new Pool(size);
  for (let i = 0; i < size; i++) pool.submit(nothing).promise.catch(nothing);
  await settled();
  expect([pool.made.length, pool.begun, pool.workers().length, pool.capacity]).toEqual([size, 8, size, size]);
  return pool;
}

test('A pool without a worker hires the first at once, and the others when all that is called in the turn is known', async () => {
  const pool = new Pool(3);
  pool.submit(nothing);
  expect([pool.made.length, pool.begun]).toEqual([1, 0]);
  pool.submit(nothing);
  expect(pool.made.length).toBe(1);
  await settled();
  expect([pool.made.length, pool.begun]).toEqual([2, 2]);
});

test('A pool hires nobody at once while another worker is there, or while it is paused', async () => {
  const mixed = new Pool(2, { workers: [new AsyncWorker()] });
  mixed.submit(nothing);
  expect(mixed.made.length).toBe(0);
  const paused = new Pool(2, { autoStart: false });
  paused.submit(nothing);
  await settled();
  expect([mixed.made.length, paused.made.length]).toEqual([0, 0]);
  paused.resume();
  await settled();
  expect(paused.made.length).toBe(1);
});

test.each(['drain', 'crash'] as const)('A pool that ends by a %s has no worker start later', async (mode) => {
  const pool = await busyPool(12);
  pool.cancelAll();
  await pool.shutdown({ mode });
  await pool.startAll();
  expect([pool.begun, pool.workers(), pool.attached, pool.detached]).toEqual([8, [], [], []]);
});

test('A pool that is made smaller while its workers start has only as many as it may have', async () => {
  const pool = await busyPool(12);
  pool.resize(2);
  await pool.startAll();
  expect([pool.workers().length, pool.attached.length, pool.capacity]).toEqual([2, 2, 2]);
  expect(pool.size + pool.pending).toBe(12);
  pool.resize(3);
  await settled();
  await pool.startAll();
  expect(pool.workers()).toHaveLength(3);
});

test('A worker that is detached while it waits for its turn to start never does', async () => {
  const pool = await busyPool(12);
  const last = pool.made.at(-1) as SlowWorker;
  expect(await pool.detachWorker(last)).toEqual([]);
  await pool.startAll();
  expect([last.isBegun, pool.workers().includes(last)]).toEqual([false, false]);
});

test('An update reaches every worker that a pool has begun to hire', async () => {
  const pool = await busyPool(12);
  const update = pool.update(nothing, [], { ephemeral: true });
  for (const worker of pool.made) {
    worker.run = (assignment) => {
      assignment.started();
      assignment.done(assignment.isUpdate ? 'updated' : undefined);
    };
  }
  await pool.startAll();
  expect(await update).toEqual(Array.from({ length: 12 }, () => 'updated'));
});

test('An update of a pool whose minimum can not be started fails, and is not kept', async () => {
  const pool = new Pool({ min: 1, max: 2 });
  const update = errorOf(pool.update(nothing));
  pool.made[0]?.started.reject(new Error('no way'));
  expect((await update).message).toBe('no way');
  const call = pool.submit(nothing);
  await settled();
  await pool.startAll();
  expect(pool.made[1]?.given).toEqual([call.id]);
});

test('A pool whose workers can not be started fails what waits for them, and nothing that others may run', async () => {
  const pool = new Pool(3);
  const other = new ManualWorker({ kind: 'other' });
  await pool.attachWorker(other);
  const handles = [
    pool.submit(nothing, [], { id: 'runs' }),
    pool.submit(nothing, [], { id: 'waits' }),
    pool.submit(nothing, [], { on: 'manual', id: 'fails' }),
    pool.submit(nothing, [], { on: 'nobody', id: 'stalls' }),
    pool.submit(nothing, [], { on: 'other', id: 'waits, too' }),
  ];
  await settled();
  expect(pool.begun).toBe(2);
  for (const worker of pool.made) worker.started.reject(new Error('no way'));
  await settled();
  expect(handles.map(({ state }) => state)).toEqual(['running', 'queued', 'failed', 'queued', 'queued']);
  expect((await errorOf((handles[2] as TaskHandle).promise)).message).toBe('no way');
  // It goes on trying, with one at a time, as long as something waits that the pool may run.
  expect(pool.begun).toBe(3);
  pool.made[2]?.started.reject(new Error('no way'));
  await settled();
  expect([pool.begun, handles[1]?.state]).toEqual([4, 'queued']);
  other.done();
  await settled();
  pool.made[3]?.started.reject(new Error('no way'));
  await settled();
  expect([pool.begun, other.given]).toEqual([4, ['runs', 'waits']]);
});

test('Workers that a pool could still hire are places for what they may run, and for nothing else', async () => {
  const pool = new Pool(3, { maxQueued: 2 });
  await pool.attachWorker(new ManualWorker({ kind: 'other' }));
  const taken = (on: string) => {
    const handles = Array.from({ length: 9 }, () => pool.submit(nothing, [], { on }));
    return handles.filter(({ state }) => state === 'queued').length;
  };
  expect([taken('other'), taken('manual'), taken('other')]).toEqual([3, 3, 0]);
  await settled();
  // They start.
  expect([pool.begun, taken('manual')]).toEqual([3, 0]);
  await pool.startAll();
  expect([pool.pending, pool.size]).toEqual([4, 2]);
});

test('A pool hires only for what its own workers may run', async () => {
  const pool = new Pool(8);
  await pool.attachWorker(new ManualWorker({ kind: 'other' }));
  for (let i = 0; i < 100; i++) pool.submit(nothing, [], { on: 'other' });
  for (let i = 0; i < 2; i++) pool.submit(nothing, [], { on: 'manual' });
  await settled();
  expect(pool.made).toHaveLength(2);
});

test('A pool hires one more when iterations go on at all of its workers, and not for those of others', async () => {
  const pool = new Pool({ min: 0, max: 8 });
  await pool.attachWorker(new AsyncWorker({ concurrency: 10 }));
  const endless = async function* () {
    for (;;) yield 1;
  };
  const iterate = async () => {
    const handle = pool.submit(nothing, [], { on: 'manual' });
    await settled();
    await pool.startAll();
    pool.made.find(({ running }) => running.length > 0)?.done(endless());
    return await handle.promise;
  };
  const iterators: unknown[] = [];
  for (let i = 0; i < 6; i++) iterators.push(await pool.call(endless, [], { on: 'async' }));
  pool.submit(nothing, [], { on: 'manual' });
  await settled();
  await pool.startAll();
  pool.made[0]?.done();
  await settled();
  expect(pool.made).toHaveLength(1);
  iterators.push(await iterate());
  await settled();
  expect(pool.made).toHaveLength(2);
  await pool.startAll();
  iterators.push(await iterate());
  await settled();
  expect(pool.made).toHaveLength(3);
  expect(iterators).toHaveLength(8);
});
