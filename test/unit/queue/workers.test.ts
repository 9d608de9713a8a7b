import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  AsyncQueue,
  AsyncWorker,
  type Employer,
  type IWorker,
  isNiceqError,
  ProcessQueue,
  type TaskHandle,
  TaskQueue,
  ThreadQueue,
  WorkerLostError,
} from 'niceq';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { TaskHandler } from '../../../src/handler/task-handler.js';
import { failures } from '../failures.js';
import { errorOf, ForgetfulWorker, loggerWith, ManualWorker, manual, nothing, queueOf, settled } from './helpers.js';

describe('attachWorker()', () => {
  test('gives each worker an id of its own, from 1 upward', async () => {
    const queue = queueOf([]);
    const workers = [new AsyncWorker(), new ManualWorker(), new AsyncWorker()];
    const ids: number[] = [];
    for (const worker of workers) ids.push(await queue.attachWorker(worker));
    expect(ids).toEqual([1, 2, 3]);
    expect(workers.map(({ id }) => id)).toEqual([1, 2, 3]);
    await queue.detachWorker(3);
    expect(await queue.attachWorker(new AsyncWorker())).toBe(4);
    expect(queue.worker(2)).toBe(workers[1]);
    expect(queue.worker(3)).toBeUndefined();
  });

  test('says what is missing of something that is no worker', async () => {
    const queue = queueOf([]);
    const whole: IWorker = {
      kind: 'mine',
      series: null,
      concurrency: 1,
      start: async () => {},
      run: nothing,
      stop: async () => {},
      crash: nothing,
    };
    for (const value of [null, undefined, 5, 'async', AsyncWorker]) {
      expect(await errorOf(queue.attachWorker(value as never))).toBeInstanceOf(TypeError);
    }
    for (const name of ['kind', 'series', 'concurrency', 'start', 'run', 'stop', 'crash']) {
      const error = await errorOf(queue.attachWorker({ ...whole, [name]: undefined }));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain(`worker.${name}`);
    }
    for (const concurrency of [0, -1, 1.5, Number.NaN]) {
      expect((await errorOf(queue.attachWorker({ ...whole, concurrency }))).message).toContain('worker.concurrency');
    }
    expect(queue.workers()).toEqual([]);
    expect(await queue.attachWorker(whole)).toBe(1);
  });

  test('refuses a worker that is attached already', async () => {
    const queue = queueOf([]);
    const worker = new AsyncWorker();
    await queue.attachWorker(worker);
    expect(await errorOf(queue.attachWorker(worker))).toBeInstanceOf(TypeError);
    expect(queue.workers()).toEqual([worker]);
  });

  test('refuses a worker that another queue employs, as long as it does', async () => {
    const [one, other] = [queueOf([]), queueOf([])];
    const worker = new AsyncWorker();
    const attached = one.attachWorker(worker);
    expect(await errorOf(other.attachWorker(worker))).toBeInstanceOf(TypeError);
    await attached;
    expect(() => new TaskQueue({ workers: [new AsyncWorker(), worker] })).toThrow(TypeError);
    expect((await errorOf(other.attachWorker(worker))).message).toContain("Worker 1, of kind 'async'");
    expect(() => new TaskQueue({ workers: [worker] })).toThrow('attached already');
    expect([one.worker(1), other.workers()]).toEqual([worker, []]);
    await one.detachWorker(worker);
    await other.attachWorker(new AsyncWorker());
    expect(await other.attachWorker(worker)).toBe(2);
    await other.shutdown();
    expect(await one.attachWorker(worker)).toBe(2);
  });

  test('takes a worker again that has resigned or could not be started elsewhere', async () => {
    const [one, other] = [queueOf([]), queueOf([])];
    const worker = new ManualWorker();
    await one.attachWorker(worker);
    worker.employer.resign(new Error('no more'));
    await other.attachWorker(worker);
    const broken = new ManualWorker();
    broken.start = () => Promise.reject(new Error('not today'));
    await errorOf(one.attachWorker(broken));
    broken.start = async () => {};
    expect(await other.attachWorker(broken)).toBe(2);
  });

  test('is refused, by the queue that is made, for a worker that is named twice', () => {
    const worker = new AsyncWorker();
    expect(() => new TaskQueue({ workers: [worker, worker] })).toThrow(TypeError);
    expect(queueOf([worker]).workers()).toEqual([worker]);
  });

  test('rejects when the worker can not be started, and drops it', async () => {
    class Broken extends ManualWorker {
      override start(): Promise<void> {
        return Promise.reject(new Error('no way'));
      }
    }
    const queue = queueOf([]);
    const worker = new Broken();
    expect((await errorOf(queue.attachWorker(worker))).message).toBe('no way');
    expect([queue.workers(), worker.calls]).toEqual([[], ['crash']]);
  });

  test('tells of a worker among the options that can not be started', async () => {
    class Broken extends ManualWorker {
      override async start(): Promise<void> {
        throw new Error('no way');
      }
    }
    const queue = queueOf([new Broken()]);
    const lost = vi.fn();
    queue.on('workerLost', lost);
    await settled();
    expect(lost).toHaveBeenCalledTimes(1);
    expect(lost.mock.calls[0]?.[1]).toMatchObject({ message: 'no way' });
  });

  test('rejects when the worker is detached before it has started, even if it never does', async () => {
    class Endless extends ManualWorker {
      override start(): Promise<void> {
        return new Promise(() => {});
      }
    }
    const queue = queueOf([]);
    const worker = new Endless();
    const attached = errorOf(queue.attachWorker(worker));
    expect(await queue.detachWorker(worker)).toEqual([]);
    expect(isNiceqError(await attached, 'ERR_WORKER_START')).toBe(true);
    const again = errorOf(queue.attachWorker(new Endless()));
    await queue.shutdown({ mode: 'crash' });
    expect(isNiceqError(await again, 'ERR_WORKER_START')).toBe(true);
  });

  test.each([
    ['never starts', () => new Promise<void>(() => {})],
    ['starts all the same', async () => {}],
    ['fails to start', () => Promise.reject(new Error('and failed'))],
  ])('rejects when the worker resigns and %s, and leaves no update waiting', async (_, start) => {
    class Resigning extends ManualWorker {
      override start(employer: Employer): Promise<void> {
        employer.resign(new Error('cannot'));
        return start();
      }
    }
    const queue = queueOf([]);
    const lost = vi.fn();
    queue.on('workerLost', lost);
    const worker = new Resigning();
    const attached = errorOf(queue.attachWorker(worker));
    expect(await queue.update(nothing)).toEqual([]);
    expect(await attached).toMatchObject({
      code: 'ERR_WORKER_START',
      message: expect.stringContaining('cannot'),
      cause: new Error('cannot'),
    });
    expect([queue.workers(), worker.calls, lost.mock.calls]).toEqual([[], ['crash'], []]);
    queueOf([new Resigning()]).on('workerLost', lost);
    await settled();
    expect(lost.mock.calls).toEqual([[expect.anything(), await attached]]);
  });

  test('resolves only when a worker that pauses while its updates run takes tasks', async () => {
    const queue = queueOf([]);
    const told: string[] = [];
    queue.on('workerAttached', () => told.push('attached')).on('workerReplaced', () => told.push('replaced'));
    await queue.update(nothing);
    queue.submit(nothing, [], { id: 'a' });
    const worker = new ManualWorker();
    const attached = queue.attachWorker(worker).then(() => told.push('resolved'));
    await settled();
    worker.employer.pause();
    worker.done();
    await settled();
    expect([told, worker.given.includes('a')]).toEqual([[], false]);
    void worker.employer.ready();
    worker.done();
    await attached;
    await settled();
    expect([told, worker.given.at(-1)]).toEqual([['attached', 'resolved'], 'a']);
  });

  test('gives the worker nothing before it has started', async () => {
    let begin: () => void = nothing;
    class Slow extends ManualWorker {
      override start(employer: Employer): Promise<void> {
        this.employer = employer;
        return new Promise((resolve) => {
          begin = resolve;
        });
      }
    }
    const queue = queueOf([]);
    const worker = new Slow();
    const attached = queue.attachWorker(worker);
    queue.submit(nothing, [], { id: 'a' });
    await settled();
    expect(worker.given).toEqual([]);
    begin();
    expect(await attached).toBe(1);
    await settled();
    expect(worker.given).toEqual(['a']);
  });

  test('after the end is refused', async () => {
    const queue = queueOf([]);
    await queue.shutdown();
    expect(isNiceqError(await errorOf(queue.attachWorker(new AsyncWorker())), 'ERR_QUEUE_CLOSED')).toBe(true);
  });
});

test.each([
  ['AsyncQueue', AsyncQueue],
  ['ThreadQueue', ThreadQueue],
  ['ProcessQueue', ProcessQueue],
])('An %s takes workers besides its own', async (_, Queue) => {
  const worker = new ManualWorker();
  const queue = new Queue({ workers: [worker] });
  expect(queue.capacity).toBeGreaterThan(1);
  const result = queue.call(nothing, [], { on: 'manual' });
  await settled();
  worker.done('done');
  expect(await result).toBe('done');
  await queue.shutdown();
  expect(worker.calls).toEqual(['stop']);
});

describe('A worker', () => {
  test('serves exactly the series it is qualified for', async () => {
    const { queue, worker } = await manual({ concurrency: 9, series: ['a', undefined] });
    for (const series of ['a', 'b', undefined, null, 'a']) queue.submit(nothing, [], { series, id: String(series) });
    await settled();
    expect(worker.given.toSorted()).toEqual(['a', 'a', 'undefined']);
  });

  test('without series serves all', async () => {
    const { queue, worker } = await manual({ concurrency: 9 });
    for (const series of ['a', undefined, Symbol('s'), {}]) queue.submit(nothing, [], { series });
    await settled();
    expect(worker.given).toHaveLength(4);
  });

  test('takes over what waits as soon as it is qualified for it', async () => {
    const { queue, worker } = await manual({ concurrency: 9, series: ['a'] });
    queue.submit(nothing, [], { series: 'b', id: 'b' });
    await settled();
    expect(worker.given).toEqual([]);
    await queue.qualifyWorker(worker, 'b');
    await settled();
    expect(worker.given).toEqual(['b']);
    await queue.qualifyWorker(1, 'b');
    expect((await errorOf(queue.qualifyWorker(9, 'b'))).message).toContain('attached worker');
    expect(await errorOf(queue.qualifyWorker(new AsyncWorker(), 'b'))).toBeInstanceOf(TypeError);
  });

  test('is listed with all, and for the series it serves', async () => {
    const workers = [new ManualWorker({ series: ['a'] }), new ManualWorker({ series: ['b'] }), new ManualWorker()];
    const queue = queueOf(workers);
    await settled();
    expect(queue.workers()).toEqual(workers);
    expect(queue.workers('a')).toEqual([workers[0], workers[2]]);
    expect(queue.workers(undefined)).toEqual([workers[2]]);
    await queue.qualifyWorker(2, undefined);
    expect(queue.workers(undefined)).toEqual([workers[1], workers[2]]);
  });

  test('twice as fast as another one does about twice as much', async () => {
    const [fast, slow] = [new ManualWorker(), new ManualWorker()];
    const queue = queueOf([fast, slow]);
    for (let i = 0; i < 48; i++) queue.submit(nothing);
    await settled();
    while (queue.pending > 0) {
      fast.done();
      await settled();
      if (fast.running.length > 0) fast.done();
      if (slow.running.length > 0) slow.done();
      await settled();
    }
    expect(fast.given.length + slow.given.length).toBe(48);
    expect(fast.given.length / slow.given.length).toBeCloseTo(2, 0);
  });

  test('is never given more than it can run unless it holds', async () => {
    const { queue, worker } = await manual({ concurrency: 3 });
    for (let i = 0; i < 9; i++) queue.submit(nothing);
    await settled();
    expect([worker.running.length, worker.held.length]).toEqual([3, 0]);
  });

  test('that says nothing of a start before the end has run it all the same', async () => {
    class Terse extends ManualWorker {
      override run({ done }: Parameters<IWorker['run']>[0]): void {
        void done;
      }
    }
    const worker = new Terse();
    const run = vi.spyOn(worker, 'run');
    const queue = queueOf([worker]);
    const handle = queue.submit(nothing);
    await settled();
    expect(handle.state).toBe('queued');
    run.mock.calls[0]?.[0].done('done');
    expect(await handle.promise).toBe('done');
    expect([queue.size, queue.pending]).toEqual([0, 0]);
  });

  test('gives back what it holds when something urgent comes', async () => {
    const { queue, worker } = await manual({ ahead: 1 });
    for (const id of ['a', 'b']) queue.submit(nothing, [], { id });
    await settled();
    queue.submit(nothing, [], { id: 'urgent', doNext: true });
    await settled();
    expect(worker.held).toEqual([]);
    worker.done();
    await settled();
    expect(worker.given).toEqual(['a', 'b', 'urgent', 'b']);
  });

  test('that is idle takes over the last half of what others hold and it may run', async () => {
    const { queue, worker } = await manual({ ahead: 4 });
    for (const id of ['a', 'b', 'c', 'd', 'e']) queue.submit(nothing, [], { id });
    await settled();
    const stranger = new ManualWorker({ concurrency: 2, series: ['its own'] });
    await queue.attachWorker(stranger);
    await settled();
    expect([worker.given, stranger.given]).toEqual([['a', 'b', 'c', 'd', 'e'], []]);
    const idle = new ManualWorker({ concurrency: 2 });
    await queue.attachWorker(idle);
    await settled();
    expect([worker.held.map(({ id }) => id), idle.given, stranger.given]).toEqual([['b', 'c'], ['d', 'e'], []]);
  });

  test('that starts tasks later than it gets them keeps them, however idle others are', async () => {
    const late = [new ManualWorker(), new ManualWorker()];
    for (const worker of late) {
      worker.run = (assignment) => {
        worker.given.push(assignment.id);
        worker.held.push(assignment);
      };
      worker.holds = () => true;
    }
    const queue = queueOf(late);
    await settled();
    const handle = queue.submit(nothing);
    await settled();
    await settled();
    expect(late.flatMap(({ given }) => given)).toEqual([handle.id]);
  });

  test('that dies before it has begun what it said to begin costs no attempt', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing, [], { retry: { lost: 0 } });
    await settled();
    const assignment = worker.find();
    worker.crash();
    worker.employer.lost(new WorkerLostError('it died'), [assignment]);
    expect([handle.state, handle.attempts]).toEqual(['queued', 0]);
    await worker.employer.ready();
    await settled();
    expect([handle.attempts, worker.find().attempt]).toEqual([1, 1]);
  });

  test.each(failures(new Error('no')))(
    'whose crash %s when it has resigned or could not be started troubles nobody',
    async (_, crash) => {
      const { queue, worker } = await manual();
      const broken = new ManualWorker();
      for (const each of [worker, broken]) each.crash = crash;
      broken.start = () => Promise.reject(new Error('no way'));
      expect((await errorOf(queue.attachWorker(broken))).message).toBe('no way');
      worker.employer.resign(new Error('broken'));
      // A rejection that nobody handles would fail the run.
      await settled();
      expect(queue.workers()).toEqual([]);
    },
  );

  test('that tells of an iterator twice leaves it to its reader', async () => {
    const { queue, worker } = await manual();
    const call = queue.call(function* () {
      yield 1;
      yield 2;
    });
    await settled();
    const assignment = worker.find();
    const iterator = assignment.invoke();
    assignment.done(iterator);
    assignment.done(iterator);
    const items = await call;
    expect([(await items.next()).value, (await items.next()).value]).toEqual([1, 2]);
  });

  test('that resigns is dropped, and its tasks go elsewhere, at no cost', async () => {
    const { queue, worker } = await manual({ concurrency: 2, ahead: 2 });
    const handles = ['a', 'b', 'c', 'd', 'e'].map((id) => queue.submit(nothing, [], { id, retry: { lost: 0 } }));
    await settled();
    worker.employer.resign(new Error('broken'));
    expect(queue.workers()).toEqual([]);
    const other = new ManualWorker({ concurrency: 9 });
    await queue.attachWorker(other);
    await settled();
    expect(other.given.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(handles.map(({ attempts }) => attempts)).toEqual([2, 2, 1, 1, 1]);
    expect([queue.pending, queue.size]).toEqual([5, 0]);
    // It comes back to life, and nobody listens.
    worker.employer.resign(new Error('again'));
    worker.employer.pause();
    await worker.employer.ready();
    await settled();
    expect(queue.workers()).toEqual([other]);
  });
});

describe('A worker whose optional methods throw', () => {
  class Faulty extends ManualWorker {
    override readonly cancel = (): void => {
      throw new Error('in cancel');
    };
    override recall(): boolean {
      throw new Error('in recall');
    }
    memory(): Promise<number> {
      throw new Error('in memory');
    }
  }
  const faulty = async (worker: ManualWorker) => {
    const told: string[] = [];
    const logger = loggerWith();
    logger.error.mockImplementation((_, error) => void told.push((error as Error).message));
    const queue = queueOf([worker], { logger, retry: { timeout: 0 } });
    await settled();
    told.length = 0;
    return { queue, worker, told };
  };

  test('is given no more than it can run, and goes on, if that is holds()', async () => {
    class Unwilling extends ManualWorker {
      override holds(): boolean {
        throw new Error('in holds');
      }
    }
    const { queue, worker, told } = await faulty(new Unwilling());
    const handles = ['a', 'b'].map((id) => queue.submit(nothing, [], { id }));
    for (const id of ['a', 'b']) {
      await settled();
      expect(worker.given.at(-1)).toBe(id);
      worker.done();
    }
    expect(handles.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(new Set(told)).toEqual(new Set(['in holds']));
  });

  test('leaves nothing that shares a signal uncancelled if that is cancel()', async () => {
    const { queue, told } = await faulty(new Faulty({ concurrency: 4 }));
    const controller = new AbortController();
    const { signal } = controller;
    const handles = Array.from({ length: 3 }, () => queue.submit(nothing, [], { signal }));
    const other = queue.submit(nothing);
    await settled();
    controller.abort(new Error('enough'));
    expect(handles.map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    expect([other.cancel(), other.state]).toEqual([true, 'cancelled']);
    expect(told).toEqual(Array(4).fill('in cancel'));
  });

  test('lets its task run out of time if that is cancel()', async () => {
    const { queue, told } = await faulty(new Faulty());
    const error = await errorOf(queue.call(nothing, [], { timeout: 1 }));
    expect([isNiceqError(error, 'ERR_TASK_TIMEOUT'), told]).toEqual([true, ['in cancel']]);
  });

  test('keeps what it holds if that is recall()', async () => {
    const { queue, worker, told } = await faulty(new Faulty({ ahead: 1 }));
    for (const id of ['a', 'b']) queue.submit(nothing, [], { id });
    await settled();
    const urgent = queue.call(nothing, [], { id: 'urgent', doNext: true });
    expect(told).toEqual(['in recall']);
    for (const id of ['a', 'b', 'urgent']) {
      worker.done(id);
      await settled();
    }
    expect(await urgent).toBe('urgent');
  });

  test('is measured in vain if that is memory()', async () => {
    const { queue, told } = await faulty(new Faulty());
    expect(queue.stats().workers).toMatchObject([{ id: 1, memory: undefined }]);
    expect(told).toEqual(['in memory']);
  });

  test('is heard, and goes on, if they do it later', async () => {
    class Late extends ManualWorker {
      override readonly cancel = async (): Promise<void> => {
        throw new Error('in cancel');
      };
      override async recall(): Promise<boolean> {
        throw new Error('in recall');
      }
      async memory(): Promise<number> {
        throw new Error('in memory');
      }
    }
    const { queue, worker, told } = await faulty(new Late({ ahead: 1 }));
    const [first, second] = [queue.submit(nothing), queue.submit(nothing)];
    await settled();
    const heard = async () => {
      await settled();
      return told.splice(0);
    };
    expect([queue.stats().workers[0]?.memory, await heard()]).toEqual([undefined, ['in memory']]);
    expect([first.cancel(), await heard()]).toEqual([true, ['in cancel']]);
    const urgent = queue.call(nothing, [], { doNext: true });
    expect(await heard()).toEqual(['in recall']);
    for (const value of ['cancelled', 'kept', 'urgent']) {
      worker.done(value);
      await settled();
    }
    expect([await second.promise, await urgent]).toEqual(['kept', 'urgent']);
  });
});

describe('detachWorker()', () => {
  test('at whatever moment of the start, leaves no task and no end of the queue waiting', async () => {
    const ticks = async (count: number) => {
      for (let i = 0; i < count; i++) await null;
    };
    for (let before = 0; before < 6; before++) {
      for (let between = 0; between < 8; between++) {
        const queue = new TaskQueue({ workers: [new AsyncWorker(), new ManualWorker()] });
        await ticks(before);
        const task = errorOf(queue.call(() => new Promise(() => {}), [], { on: 'local' }));
        await ticks(between);
        const detached = queue.detachWorker(1, { timeout: 1_000_000 });
        await ticks(1);
        await queue.shutdown({ mode: 'crash' });
        await detached;
        expect(isNiceqError(await task, 'ERR_TASK_CANCELLED')).toBe(true);
        expect([queue.size, queue.pending, queue.workers()]).toEqual([0, 0, []]);
      }
    }
  });

  test('lets what has started finish, and takes back what is only held', async () => {
    const { queue, worker } = await manual({ ahead: 2 });
    const handles = ['a', 'b', 'c'].map((id) => queue.submit(nothing, [], { id }));
    await settled();
    const detached = queue.detachWorker(worker);
    await settled();
    expect([worker.held, worker.calls, queue.size]).toEqual([[], [], 2]);
    worker.done('late but whole');
    expect(await detached).toEqual([]);
    expect(worker.calls).toEqual(['stop']);
    expect(await handles[0]?.promise).toBe('late but whole');
    const other = new ManualWorker({ concurrency: 2 });
    await queue.attachWorker(other);
    await settled();
    expect(other.given).toEqual(['b', 'c']);
  });

  test('of an unknown worker gives []', async () => {
    const queue = queueOf();
    for (const unknown of [99, 0, -1, Number.NaN, new AsyncWorker()]) {
      expect(await queue.detachWorker(unknown)).toEqual([]);
    }
    expect(await queue.detachWorker(1)).toEqual([]);
    expect(await queue.detachWorker(1)).toEqual([]);
  });

  test('by the task that it runs leaves nobody to hear how that fails, and troubles nobody', async () => {
    const worker = new AsyncWorker();
    const queue = queueOf([worker]);
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    const call = queue.call(() => {
      void queue.detachWorker(worker, { crash: true, reassign: false });
      return Promise.reject(new Error('too late'));
    });
    expect(await errorOf(call)).toMatchObject({ code: 'ERR_TASK_CANCELLED' });
    await nextTurn();
    expect(unhandled).toEqual([]);
  });

  test('by the task that it runs closes the iterator which that returns too late', async () => {
    const worker = new AsyncWorker();
    const queue = queueOf([worker]);
    const log: string[] = [];
    const call = queue.call(() => {
      void queue.detachWorker(worker, { crash: true, reassign: false });
      return {
        next: () => ({ value: 1, done: false }),
        return: () => log.push('closed'),
        [Symbol.iterator]: () => call,
      };
    });
    expect(await errorOf(call)).toMatchObject({ code: 'ERR_TASK_CANCELLED' });
    await nextTurn();
    expect(log).toEqual(['closed']);
  });

  test('with crash gives [that task] at once, if it is not to be reassigned', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    await settled();
    expect(await queue.detachWorker(worker, { crash: true, reassign: false })).toEqual([handle]);
    expect(worker.calls).toEqual(['crash']);
    expect(isNiceqError(await errorOf(handle.promise), 'ERR_TASK_CANCELLED')).toBe(true);
    expect([queue.size, queue.pending]).toEqual([0, 0]);
  });

  test('with crash costs a series nothing for what was only held, if it is not to be reassigned', async () => {
    const { queue, worker } = await manual({ series: ['a', 'b'] });
    queue.submit(nothing, [], { series: 'b', id: 'b0' });
    await settled();
    const holder = new ForgetfulWorker({ series: ['a', 'b'], ahead: 1 });
    await queue.attachWorker(holder);
    const handles = ['a0', 'a1'].map((id) => queue.submit(nothing, [], { series: 'a', id }));
    await settled();
    expect(holder.held.map(({ id }) => id)).toEqual(['a1']);
    expect(new Set(await queue.detachWorker(holder, { crash: true, reassign: false }))).toEqual(new Set(handles));
    expect([queue.size, queue.pending]).toEqual([0, 1]);
    for (const series of ['a', 'b']) queue.submit(nothing, [], { series, id: `${series} again` });
    worker.done();
    await settled();
    expect(worker.given).toEqual(['b0', 'a again']);
  });

  test('with crash runs what it had on another worker, before the rest of its series, and gives []', async () => {
    const { queue, worker } = await manual();
    const ids = ['a', 'b', 'c'];
    const handles = ids.map((id) => queue.submit(nothing, [], { id, retry: { lost: 0, error: 0 } }));
    await settled();
    expect(await queue.detachWorker(1, { crash: true })).toEqual([]);
    worker.running.length = 0;
    const other = new ManualWorker();
    await queue.attachWorker(other);
    for (const id of ids) {
      await settled();
      other.done(id);
    }
    expect(other.given).toEqual(ids);
    expect(await Promise.all(handles.map(({ promise }) => promise))).toEqual(ids);
  });

  test('within its time gives [], beyond it [that task]', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    await settled();
    const detached = queue.detachWorker(worker, { timeout: 10_000, reassign: false });
    await settled();
    worker.done();
    expect(await detached).toEqual([]);
    expect(handle.state).toBe('done');

    const other = new ManualWorker();
    await queue.attachWorker(other);
    const long = queue.submit(nothing);
    await settled();
    expect(await queue.detachWorker(other, { timeout: 1, reassign: false })).toEqual([long]);
    expect(other.calls).toEqual(['crash']);
    expect(long.state).toBe('cancelled');
  });

  test('again with crash ends at once what the first call waits for', async () => {
    const { queue } = await manual();
    const handle = queue.submit(nothing);
    await settled();
    const graceful = queue.detachWorker(1);
    await settled();
    const crashed = await queue.detachWorker(1, { crash: true, reassign: false });
    expect(crashed).toEqual([handle]);
    expect(await graceful).toEqual([]);
  });

  test('again, or a shutdown meanwhile, ends when the worker has ended', async () => {
    let stopped: () => void = nothing;
    class Slow extends ManualWorker {
      override stop(): Promise<void> {
        return new Promise((resolve) => {
          stopped = resolve;
        });
      }
    }
    const queue = queueOf([new Slow()]);
    await settled();
    const ended: string[] = [];
    const first = queue.detachWorker(1).then(() => ended.push('first'));
    const again = queue.detachWorker(1).then(() => ended.push('again'));
    const shutdown = queue.shutdown().then(() => ended.push('shutdown'));
    await settled();
    expect(ended).toEqual([]);
    stopped();
    await Promise.all([first, again, shutdown]);
    expect(ended).toHaveLength(3);
  });

  test('again with a time that is over sooner makes it a crash', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    await settled();
    const graceful = queue.detachWorker(1);
    expect(await queue.detachWorker(1, { timeout: 1, reassign: false })).toEqual([handle]);
    expect(await graceful).toEqual([]);
    expect(worker.calls).toEqual(['crash']);
  });

  test('with crash, or a worker that resigns, loses a task whose arguments were handed over', async () => {
    for (const end of ['crash', 'resign'] as const) {
      const { queue, worker } = await manual();
      const buffer = new ArrayBuffer(8);
      const handle = queue.submit((given: ArrayBuffer) => given.byteLength, [buffer], { transfer: [buffer] });
      await settled();
      if (end === 'crash') expect(await queue.detachWorker(1, { crash: true })).toEqual([]);
      else worker.employer.resign(new Error('no more'));
      const error = await errorOf(handle.promise);
      expect(error).toMatchObject({ code: 'ERR_WORKER_LOST', attempts: 1, message: expect.stringMatching(/transfer/) });
      expect([handle.state, queue.size, queue.pending]).toEqual(['failed', 0, 0]);
    }
  });

  test('drops what an old worker says later', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(() => 0);
    await settled();
    const old = worker.find();
    await queue.detachWorker(1, { crash: true });
    const other = new ManualWorker();
    await queue.attachWorker(other);
    await settled();
    old.done('old');
    expect(handle.state).toBe('running');
    other.done('new');
    expect(await handle.promise).toBe('new');
  });

  test('crashes a worker that can not stop', async () => {
    class Clumsy extends ManualWorker {
      override stop(): Promise<void> {
        return Promise.reject(new Error('it stumbled'));
      }
    }
    const worker = new Clumsy();
    const queue = queueOf([worker]);
    await settled();
    expect(await queue.detachWorker(1)).toEqual([]);
    expect([worker.calls, queue.workers()]).toEqual([['crash'], []]);
  });

  test('refuses options that are none', async () => {
    const queue = queueOf();
    const wrong = [
      null,
      5,
      { reassign: 1 },
      { crash: 'yes' },
      { timeout: -1 },
      { timeout: '5' },
      { timeout: Number.NaN },
    ];
    for (const options of wrong) {
      const error = await errorOf(queue.detachWorker(1, options as never));
      expect([TypeError, RangeError]).toContain(error.constructor);
    }
    expect(queue.workers()).toHaveLength(1);
  });
});

describe('shutdown()', () => {
  const fill = async (): Promise<{ queue: TaskQueue; worker: ManualWorker; handles: TaskHandle[] }> => {
    const { queue, worker } = await manual({ ahead: 1 });
    const handles: TaskHandle[] = ['a', 'b', 'c'].map((id) => queue.submit(nothing, [], { id }));
    handles.push(queue.submit(nothing, [], { id: 'd', on: 'thread' }));
    await settled();
    return { queue, worker, handles };
  };
  const statesOf = (handles: readonly TaskHandle[]) => handles.map(({ state }) => state);
  const expectCancelled = async (handles: readonly TaskHandle[]) => {
    for (const { promise } of handles) {
      expect(isNiceqError(await errorOf(promise), 'ERR_TASK_CANCELLED')).toBe(true);
    }
  };

  test('drains what can be run, and returns what no worker may serve', async () => {
    const { queue, worker, handles } = await fill();
    const end = queue.shutdown();
    expect([queue.isRunning, handles[3]?.state]).toEqual([false, 'cancelled']);
    for (let i = 0; i < 3; i++) {
      await settled();
      worker.done();
    }
    expect(await end).toEqual([handles[3]]);
    expect(statesOf(handles)).toEqual(['done', 'done', 'done', 'cancelled']);
    await expectCancelled(handles.slice(3));
    expect(worker.calls).toEqual(['stop']);
    expect(queue.workers()).toEqual([]);
  });

  test('can not be paused while it drains', async () => {
    const queue = queueOf();
    const handle = queue.submit(nothing);
    const end = queue.shutdown();
    queue.pause();
    expect(queue.isPaused).toBe(false);
    expect(await end).toEqual([]);
    expect(handle.state).toBe('done');
  });

  test('looks for what nobody may serve when there is something, not in every round', async () => {
    const queue = queueOf();
    const tasks = vi.spyOn(TaskHandler.prototype, 'tasks');
    onTestFinished(() => void tasks.mockRestore());
    for (let i = 0; i < 20; i++) queue.submit(async () => {});
    queue.submit(nothing, [], { on: 'nobody' });
    expect(await queue.shutdown()).toHaveLength(1);
    expect(tasks).toHaveBeenCalledTimes(1);
  });

  test('drains a paused queue, too', async () => {
    const queue = queueOf([new AsyncWorker()], { autoStart: false });
    const handle = queue.submit(() => 1);
    expect(await queue.shutdown()).toEqual([]);
    expect(await handle.promise).toBe(1);
  });

  test('finishes what has started and cancels the rest', async () => {
    const { queue, worker, handles } = await fill();
    const end = queue.shutdown({ mode: 'finish' });
    await settled();
    expect(statesOf(handles)).toEqual(['running', 'cancelled', 'cancelled', 'cancelled']);
    worker.done();
    expect(new Set(await end)).toEqual(new Set(handles.slice(1)));
    await expectCancelled(handles.slice(1));
    expect(handles[0]?.state).toBe('done');
  });

  test('crashes at once', async () => {
    const { queue, worker, handles } = await fill();
    const left = await queue.shutdown({ mode: 'crash' });
    expect(new Set(left)).toEqual(new Set(handles));
    await expectCancelled(handles);
    expect(worker.calls).toEqual(['crash']);
    expect([queue.size, queue.pending]).toEqual([0, 0]);
  });

  test('of an empty queue, with workers and without, resolves with []', async () => {
    for (const mode of ['drain', 'finish', 'crash'] as const) {
      expect(await new TaskQueue().shutdown({ mode })).toEqual([]);
      expect(await new TaskQueue({ workers: [new AsyncWorker()] }).shutdown({ mode })).toEqual([]);
    }
  });

  test('without any worker settles what waits', async () => {
    const queue = new TaskQueue();
    const handles = [queue.submit(nothing), queue.submit(nothing, [], { series: 's' })];
    const call = errorOf(queue.call(nothing));
    const left = await queue.shutdown();
    expect(left).toHaveLength(3);
    await expectCancelled(handles);
    expect(isNiceqError(await call, 'ERR_TASK_CANCELLED')).toBe(true);
  });

  test('twice gives the same promise', async () => {
    const { queue, worker } = await manual();
    queue.submit(nothing);
    await settled();
    const first = queue.shutdown();
    expect(queue.shutdown()).toBe(first);
    expect(queue.shutdown({ mode: 'drain' })).toBe(first);
    worker.done();
    expect(await first).toEqual([]);
    expect(queue.shutdown()).toBe(first);
  });

  test('by a listener that hears what the first one cancels gives the same promise', async () => {
    const { queue } = await manual();
    queue.submit(nothing);
    await settled();
    let inner: Promise<TaskHandle[]> | null = null;
    queue.on('cancelled', () => {
      inner = queue.shutdown();
    });
    const outer = queue.shutdown({ mode: 'crash' });
    expect(inner).toBe(outer);
    expect(await outer).toHaveLength(1);
  });

  test('with a stronger mode escalates, never with a weaker one', async () => {
    const { queue, worker, handles } = await fill();
    const end = queue.shutdown({ mode: 'drain' });
    await settled();
    const second = queue.shutdown({ mode: 'finish' });
    await settled();
    expect(statesOf(handles)).toEqual(['running', 'cancelled', 'cancelled', 'cancelled']);
    void queue.shutdown({ mode: 'drain' });
    await settled();
    expect(handles[0]?.state).toBe('running');
    const third = queue.shutdown({ mode: 'crash' });
    for (const promise of [end, second, third]) expect(new Set(await promise)).toEqual(new Set(handles));
    expect(worker.calls).toEqual(['crash']);
  });

  test('becomes a crash when its time is over', async () => {
    const { queue, handles } = await fill();
    const left = await queue.shutdown({ timeout: 1 });
    expect(new Set(left)).toEqual(new Set(handles));
    await expectCancelled(handles);
  });

  test('becomes a crash as soon as any of those who ask for it say', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { queue, handles } = await fill();
    for (const timeout of [1000, 100, 5000]) void queue.shutdown({ timeout });
    vi.advanceTimersByTime(99);
    expect(handles[0]?.state).toBe('running');
    vi.advanceTimersByTime(1);
    await expectCancelled(handles);
  });

  test('that has ended waits for nothing when it is asked for again', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const queue = new TaskQueue();
    for (const timeout of [1000, 4000, 100]) {
      await queue.shutdown({ timeout });
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  test('that waits for a worker to stop can still become a crash', async () => {
    class Stubborn extends ManualWorker {
      override stop(): Promise<void> {
        this.calls.push('stop');
        return new Promise(() => {});
      }
    }
    const worker = new Stubborn();
    const queue = new TaskQueue({ workers: [worker] });
    await settled();
    const end = queue.shutdown();
    await settled();
    void queue.shutdown({ mode: 'crash' });
    expect(worker.calls).toEqual(['stop', 'crash']);
    expect(await Promise.race([end, settled().then(() => 'still waits')])).toEqual([]);
  });

  test('that crashes resolves when the workers say that nothing is left of them, its tasks settled at once', async () => {
    let go = () => {};
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    class Lingering extends ManualWorker {
      override crash(): Promise<void> {
        super.crash();
        return gone;
      }
    }
    const queue = new TaskQueue({ workers: [new Lingering(), new Lingering()] });
    await settled();
    const handle = queue.submit(nothing);
    const ends = [queue.shutdown(), queue.detachWorker(2, { crash: true }), queue.shutdown({ mode: 'crash' })];
    await expectCancelled([handle]);
    expect(await Promise.race([...ends, settled().then(() => 'still waits')])).toBe('still waits');
    go();
    expect(await Promise.all(ends)).toEqual([[handle], [], [handle]]);
  });

  test('runs nothing again that fails meanwhile, except while it drains', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing, [], { retry: { error: 9 } });
    await settled();
    const end = queue.shutdown({ mode: 'finish' });
    worker.fail(new Error('once is enough'));
    expect((await errorOf(handle.promise)).message).toBe('once is enough');
    expect(await end).toEqual([]);

    const other = await manual();
    const again = other.queue.submit(nothing, [], { retry: { error: 1 } });
    await settled();
    const drained = other.queue.shutdown();
    other.worker.fail(new Error('once more'));
    await settled();
    other.worker.done('second');
    expect(await again.promise).toBe('second');
    expect(await drained).toEqual([]);
  });

  test('cancels what waits for a retry when it does not drain', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing, [], { retry: { error: 1, delay: 60_000 } });
    await settled();
    worker.fail(new Error('x'));
    await settled();
    expect(await queue.shutdown({ mode: 'finish' })).toEqual([handle]);
    await expectCancelled([handle]);
  });

  test('refuses calls, updates and workers from its beginning', async () => {
    const { queue, worker } = await manual();
    queue.submit(nothing);
    await settled();
    const end = queue.shutdown();
    const refused = queue.submit(nothing);
    expect(refused.state).toBe('failed');
    for (const promise of [refused.promise, queue.call(nothing), queue.update(nothing)]) {
      expect(isNiceqError(await errorOf(promise), 'ERR_QUEUE_CLOSED')).toBe(true);
    }
    worker.done();
    await end;
  });

  test('refuses options that are none, and does not begin', async () => {
    const queue = queueOf();
    const wrong = [null, 5, { mode: 'stop' }, { mode: 1 }, { timeout: -1 }, { timeout: '5' }, { timeout: Number.NaN }];
    for (const options of wrong) {
      const error = await errorOf(queue.shutdown(options as never));
      expect([TypeError, RangeError]).toContain(error.constructor);
    }
    expect(await queue.call(() => 1)).toBe(1);
  });

  test('is what `await using` does, draining', async () => {
    const queue = new TaskQueue({ workers: [new AsyncWorker()] });
    const handle = queue.submit(async () => {
      await settled();
      return 1;
    });
    await queue[Symbol.asyncDispose]();
    expect(handle.state).toBe('done');
    expect(isNiceqError(await errorOf(queue.call(nothing)), 'ERR_QUEUE_CLOSED')).toBe(true);
  });
});
