import { AsyncWorker, type IWorker, type TaskQueue, WorkerLostError } from 'niceq';
import { describe, expect, test } from 'vitest';
import { deferred } from '../deferred.js';
import { errorOf, ManualWorker, manual, nothing, queueOf, settled } from './helpers.js';

/** Runs what it is given at once, and remembers what it had. */
class Diary extends ManualWorker {
  readonly entries: unknown[] = [];
  failing = new Set<unknown>();

  override run(assignment: Parameters<IWorker['run']>[0]): void {
    assignment.started();
    const [entry] = assignment.args;
    this.entries.push(entry ?? assignment.id);
    if (this.failing.has(entry)) assignment.fail(new Error(`${entry} failed on ${this.id}`));
    else assignment.done(`${entry} on ${this.id}`);
  }
}

const note = (_entry: unknown) => '';

async function diaries(...series: (readonly unknown[] | undefined)[]): Promise<{ queue: TaskQueue; workers: Diary[] }> {
  const workers = series.map((of) => new Diary(of === undefined ? {} : { series: of }));
  const queue = queueOf(workers);
  await settled();
  return { queue, workers };
}

describe('update()', () => {
  test('gives one result for each worker', async () => {
    const { queue } = await diaries(undefined, undefined, undefined);
    expect(await queue.update(note, ['x'])).toEqual(['x on 1', 'x on 2', 'x on 3']);
  });

  test('without any worker gives none, and is kept', async () => {
    const queue = queueOf([]);
    expect(await queue.update(note, ['x'])).toEqual([]);
    const worker = new Diary();
    await queue.attachWorker(worker);
    expect(worker.entries).toEqual(['x']);
  });

  test('waits for workers that are just starting', async () => {
    const workers = [new Diary(), new Diary()];
    const queue = queueOf(workers);
    expect(await queue.update(note, ['x'])).toEqual(['x on 1', 'x on 2']);
    expect(workers.map(({ entries }) => entries)).toEqual([['x'], ['x']]);
  });

  test('of a series runs only where it is served', async () => {
    const { queue, workers } = await diaries(['a'], ['b'], undefined, [undefined]);
    expect(await queue.update(note, ['x'], { series: 'a' })).toEqual(['x on 1', 'x on 3']);
    expect(await queue.update(note, ['y'], { series: undefined })).toEqual(['y on 3', 'y on 4']);
    expect(workers.map(({ entries }) => entries)).toEqual([['x'], [], ['x', 'y'], ['y']]);
  });

  test.each([['text'], [5], [Symbol('key')], [{}], [() => {}]])(
    'with the key %o takes the place of the kept one with the same key',
    async (key) => {
      const { queue } = await diaries(undefined);
      await queue.update(note, [1], { key });
      await queue.update(note, [2], { key: 'other' });
      await queue.update(note, [3]);
      await queue.update(note, [4], { key });
      await queue.update(note, [5]);
      const late = new Diary();
      await queue.attachWorker(late);
      expect(late.entries).toEqual([2, 3, 4, 5]);
    },
  );

  test('counts neither as waiting nor as started, and needs no turn', async () => {
    const queue = queueOf([new ManualWorker()]);
    await settled();
    const worker = queue.worker(1) as ManualWorker;
    queue.pause();
    const update = queue.update(note, ['x']);
    await settled();
    expect([queue.size, queue.pending, worker.running.length]).toEqual([0, 0, 1]);
    worker.done('done');
    expect(await update).toEqual(['done']);
  });

  test('is kept, in order, for workers to come, unless it is ephemeral', async () => {
    const { queue } = await diaries(undefined);
    await queue.update(note, [1]);
    await queue.update(note, [2], { ephemeral: true });
    await queue.update(note, [3]);
    const late = new Diary();
    queue.submit(nothing, [], { id: 'task' });
    await queue.attachWorker(late);
    expect(late.entries).toEqual([1, 3]);
  });

  test('runs before the first task of a worker', async () => {
    const queue = queueOf([]);
    await queue.update(note, [1]);
    await queue.update(note, [2]);
    queue.submit(nothing, [], { id: 'task' });
    const worker = new Diary();
    await queue.attachWorker(worker);
    await settled();
    expect(worker.entries).toEqual([1, 2, 'task']);
  });

  test('that fails leaves the kept one with its key in its place', async () => {
    const { queue, workers } = await diaries(undefined);
    workers[0]?.failing.add('bad');
    await queue.update(note, [1], { key: 'k' });
    await queue.update(note, [2]);
    expect(await errorOf(queue.update(note, ['bad'], { key: 'k' }))).toBeInstanceOf(AggregateError);
    const late = new Diary();
    await queue.attachWorker(late);
    expect(late.entries).toEqual([1, 2]);
  });

  test('with the key of one that is still running takes its place, whichever ends first', async () => {
    for (const order of [
      [1, 2],
      [2, 1],
    ]) {
      const { queue, worker } = await manual({ concurrency: 2 });
      const first = queue.update(note, [1], { key: 'k' });
      const second = queue.update(note, [2], { key: 'k' });
      for (const n of order) {
        const run = worker.running.find(({ args }) => args[0] === n);
        run?.done(n);
        await settled();
      }
      expect(await Promise.all([first, second])).toEqual([[1], [2]]);
      const late = new Diary();
      await queue.attachWorker(late);
      expect(late.entries).toEqual([2]);
    }
  });

  test('keeps its arguments as they were', async () => {
    const { queue } = await diaries(undefined);
    const args: [unknown] = ['before'];
    await queue.update(note, args);
    args[0] = 'after';
    const late = new Diary();
    await queue.attachWorker(late);
    expect(late.entries).toEqual(['before']);
  });

  test('reaches a worker that is newly qualified, before its first task of the series', async () => {
    const { queue, workers } = await diaries(['a']);
    await queue.update(note, ['for b'], { series: 'b' });
    await queue.update(note, ['for all']);
    queue.submit(nothing, [], { series: 'b', id: 'task' });
    await queue.qualifyWorker(1, 'b');
    await settled();
    expect(workers[0]?.entries).toEqual(['for all', 'for b', 'task']);
    await queue.qualifyWorker(1, 'c');
    expect(workers[0]?.entries).toHaveLength(3);
  });

  /** How a worker comes to take no tasks: a queue with it, and what makes it take them. */
  const closed: [string, () => Promise<{ queue: TaskQueue; worker: Diary; open(): unknown }>][] = [
    [
      'starts',
      async () => {
        const begun = deferred();
        const worker = new Diary({ series: ['a'] });
        worker.start = () => begun.promise;
        return { queue: queueOf([worker]), worker, open: () => begun.resolve() };
      },
    ],
    [
      'is replaced',
      async () => {
        const { queue, workers } = await diaries(['a']);
        const [worker] = workers as [Diary];
        worker.employer.lost(new WorkerLostError('gone'), []);
        return { queue, worker, open: () => worker.employer.ready() };
      },
    ],
  ];

  test.each(closed)(
    'reaches a worker that is qualified while it %s, before its first task of the series',
    async (_, close) => {
      const { queue, worker, open } = await close();
      await queue.update(note, ['for b'], { series: 'b' });
      queue.submit(nothing, [], { series: 'b', id: 'task' });
      const qualified = [queue.qualifyWorker(1, 'b'), queue.qualifyWorker(1, 'b')];
      await settled();
      expect(worker.entries).toEqual([]);
      open();
      await Promise.all(qualified);
      await settled();
      expect(worker.entries).toEqual(['for b', 'task']);
    },
  );

  test('that fails on a worker that is being qualified rejects, and leaves it as it was', async () => {
    const { queue, workers } = await diaries(['a']);
    const [worker] = workers as [Diary];
    await queue.update(note, ['picky'], { series: 'b' });
    worker.failing.add('picky');
    queue.submit(nothing, [], { series: 'b', id: 'b' });
    queue.submit(nothing, [], { series: 'a', id: 'a' });
    for (const end of [nothing, () => worker.employer.lost(new WorkerLostError('gone'), [])]) {
      end();
      const error = errorOf(queue.qualifyWorker(1, 'b'));
      await worker.employer.ready();
      expect((await error).message).toBe('picky failed on 1');
      expect(queue.workers('b')).toEqual([]);
    }
    await settled();
    expect(worker.entries).toEqual(['picky', 'a', 'picky']);
    worker.failing.clear();
    await queue.qualifyWorker(1, 'b');
    await settled();
    expect(worker.entries.slice(3)).toEqual(['picky', 'b']);
  });

  test('for a series and a worker that could not be started leave nobody waiting who qualifies it', async () => {
    const queue = queueOf([]);
    await queue.update(note, ['for b'], { series: 'b' });
    await queue.update(note, ['for all']);
    const worker = new Diary({ series: ['a'] });
    worker.failing.add('for all');
    const attached = errorOf(queue.attachWorker(worker));
    const qualified = errorOf(queue.qualifyWorker(worker, 'b'));
    expect((await attached).message).toBe('for all failed on 1');
    expect(await qualified).toMatchObject({ code: 'ERR_WORKER_LOST', message: expect.stringContaining('Worker 1') });
  });

  test('reaches what a worker put in the place of what it lost', async () => {
    const { queue, workers } = await diaries(undefined, undefined);
    const [first] = workers as [Diary, Diary];
    await queue.update(note, [1]);
    await queue.update(note, [2], { ephemeral: true });
    first.employer.lost(new WorkerLostError('gone'), []);
    first.entries.length = 0;
    await first.employer.ready();
    expect(first.entries).toEqual([1]);
  });

  test.each([
    ['was lost', (worker: Diary) => worker.employer.lost(new WorkerLostError('gone'), [])],
    ['is recycled', (worker: Diary) => worker.employer.pause()],
  ])(
    'has a result of a worker whose thread %s, and reaches the next one in order, before its tasks',
    async (_, end) => {
      const { queue, workers } = await diaries(undefined, undefined);
      const [first, second] = workers as [Diary, Diary];
      await queue.update(note, [1]);
      end(first);
      first.entries.length = 0;
      const updates = [
        queue.update(note, [2]),
        queue.update(note, [3], { ephemeral: true }),
        queue.update(note, [4], { series: 's' }),
      ];
      await settled();
      expect([first.entries, second.entries]).toEqual([[], [1, 2, 3, 4]]);
      await queue.detachWorker(second);
      queue.submit(nothing, [], { id: 'task' });
      await first.employer.ready();
      await settled();
      expect(first.entries).toEqual([1, 2, 3, 4, 'task']);
      expect(await Promise.all(updates)).toEqual([2, 3, 4].map((n) => [`${n} on 1`, `${n} on 2`]));
    },
  );

  test('that fails where a worker is being replaced rejects, and costs no worker its place', async () => {
    const { queue, workers } = await diaries(undefined, undefined);
    const [first, second] = workers as [Diary, Diary];
    await queue.update(note, ['good']);
    first.failing.add('bad');
    first.employer.lost(new WorkerLostError('gone'), []);
    first.entries.length = 0;
    const error = errorOf(queue.update(note, ['bad']));
    await first.employer.ready();
    expect((await error).errors).toEqual([new Error('bad failed on 1')]);
    expect([first.entries, second.entries]).toEqual([
      ['good', 'bad'],
      ['good', 'bad'],
    ]);
    expect(await queue.update(note, ['next'])).toEqual(['next on 1', 'next on 2']);
    const late = new Diary();
    await queue.attachWorker(late);
    expect(late.entries).toEqual(['good', 'next']);
  });

  test('runs again on what takes the place of a thread that died after it had run there', async () => {
    const { queue, workers } = await diaries(undefined);
    const [worker] = workers as [Diary];
    worker.employer.lost(new WorkerLostError('gone'), []);
    const update = queue.update(note, [1]);
    await worker.employer.ready();
    worker.employer.lost(new WorkerLostError('gone again'), []);
    await worker.employer.ready();
    expect(await update).toEqual(['1 on 1']);
    expect(worker.entries).toEqual([1, 1]);
  });

  test('that is kept and fails on a new thread runs again on the next one, and so do those before it', async () => {
    const { queue, workers } = await diaries(undefined);
    const [worker] = workers as [Diary];
    await queue.update(note, [1]);
    await queue.update(note, ['picky']);
    worker.employer.lost(new WorkerLostError('gone'), []);
    worker.entries.length = 0;
    worker.failing.add('picky');
    expect((await errorOf(worker.employer.ready())).message).toBe('picky failed on 1');
    worker.failing.clear();
    await worker.employer.ready();
    expect(worker.entries).toEqual([1, 'picky', 1, 'picky']);
  });

  test('that waits for a worker has no result of it when that leaves instead', async () => {
    for (const leave of [
      (queue: TaskQueue) => queue.detachWorker(1),
      (queue: TaskQueue) => queue.detachWorker(1, { crash: true }),
      (queue: TaskQueue) => (queue.worker(1) as Diary).employer.resign(new Error('no more')),
      (queue: TaskQueue) => queue.shutdown(),
    ]) {
      const { queue, workers } = await diaries(undefined, undefined);
      workers[0]?.employer.lost(new WorkerLostError('gone'), []);
      const update = queue.update(note, ['x']);
      const qualified = queue.qualifyWorker(1, 's');
      await settled();
      void leave(queue);
      expect(await update).toEqual(['x on 2']);
      await qualified;
    }
  });

  test('that fails anywhere rejects with all errors, and is not kept', async () => {
    const { queue, workers } = await diaries(undefined, undefined, undefined);
    for (const worker of workers.slice(1)) worker.failing.add('bad');
    const error = await errorOf(queue.update(note, ['bad']));
    expect(error).toBeInstanceOf(AggregateError);
    expect((error.errors as Error[]).map(({ message }) => message)).toEqual(['bad failed on 2', 'bad failed on 3']);
    const late = new Diary();
    await queue.attachWorker(late);
    expect(late.entries).toEqual([]);
  });

  test('that fails on a new worker keeps it from being hired', async () => {
    const { queue } = await diaries(undefined);
    await queue.update(note, ['picky']);
    const late = new Diary();
    late.failing.add('picky');
    expect((await errorOf(queue.attachWorker(late))).message).toBe('picky failed on 2');
    expect(queue.workers()).toHaveLength(1);
    expect(late.calls).toEqual(['crash']);
  });

  test('in the main thread has what it does seen by tasks', async () => {
    const queue = queueOf([new AsyncWorker()]);
    let state = 0;
    const set = (value: number) => {
      state = value;
    };
    await queue.update(set, [5]);
    expect(await queue.call(() => state)).toBe(5);
  });

  test('refuses what it can not do', async () => {
    const queue = queueOf([]);
    const { update } = queue as unknown as { update: (...args: unknown[]) => Promise<unknown> };
    const wrong: unknown[][] = [
      [5],
      [note, {}],
      [note, null],
      [note, [], null],
      [note, [], 5],
      [note, [], { ephemeral: 1 }],
      [note, [], { consumer: { write: nothing } }],
      [note, [], { consumer: undefined }],
    ];
    for (const args of wrong) expect(await errorOf(update.apply(queue, args))).toBeInstanceOf(TypeError);
    expect((await errorOf(update.apply(queue, [note, [], { consumer: {} }]))).message).toContain('consumer');
  });
});
