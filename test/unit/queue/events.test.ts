import { type Assignment, AsyncWorker, type TaskQueue, WorkerLostError } from 'niceq';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { deferred } from '../deferred.js';
import { errorOf, loggerWith, ManualWorker, manual, nothing, queueOf, settled } from './helpers.js';

const names = ['queued', 'started', 'progress', 'done', 'failed', 'cancelled', 'retry', 'idle', 'empty'] as const;

/** What happens, in order: the event, the task's id and state, and the queue's size and pending at that moment. */
function protocolOf(queue: TaskQueue): unknown[][] {
  const heard: unknown[][] = [];
  for (const name of names) {
    queue.on(name, (...payload: unknown[]) => {
      const [task] = payload as [{ id: string; state: string }?];
      heard.push([name, ...(task === undefined ? [] : [task.id, task.state]), queue.size, queue.pending]);
    });
  }
  return heard;
}

describe('Events', () => {
  test('come in order, with size and pending right at each', async () => {
    const { queue, worker } = await manual({ concurrency: 2 });
    const heard = protocolOf(queue);
    for (const id of ['a', 'b', 'c']) queue.submit(nothing, [], { id });
    await settled();
    worker.done(1, 'a');
    await settled();
    worker.fail(new Error('x'), 'b');
    worker.done(1, 'c');
    await settled();
    expect(heard).toEqual([
      ['queued', 'a', 'queued', 3, 0],
      ['queued', 'b', 'queued', 3, 0],
      ['queued', 'c', 'queued', 3, 0],
      ['started', 'a', 'running', 2, 1],
      ['started', 'b', 'running', 1, 2],
      ['done', 'a', 'done', 1, 1],
      ['started', 'c', 'running', 0, 2],
      ['empty', 0, 2],
      ['failed', 'b', 'failed', 0, 1],
      ['done', 'c', 'done', 0, 0],
      ['idle', 0, 0],
    ]);
  });

  test('of retries and cancellations too', async () => {
    const { queue, worker } = await manual();
    const heard = protocolOf(queue);
    queue.submit(nothing, [], { id: 'a', retry: { error: 1 } });
    await settled();
    worker.find().progress(0.5);
    worker.fail(new Error('first'));
    await settled();
    queue.submit(nothing, [], { id: 'b' });
    queue.cancelAll();
    await settled();
    worker.done();
    await settled();
    expect(heard.filter(([name]) => name !== 'queued')).toEqual([
      ['started', 'a', 'running', 0, 1],
      ['empty', 0, 1],
      ['progress', 'a', 'running', 0, 1],
      ['retry', 'a', 'running', 0, 1],
      ['started', 'a', 'running', 0, 1],
      ['cancelled', 'b', 'cancelled', 0, 1],
      ['cancelled', 'a', 'cancelled', 0, 0],
      ['empty', 0, 0],
      ['idle', 0, 0],
    ]);
  });

  test("tell 'empty' again when what waits to be run again has left the queue", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { queue, worker } = await manual();
    const heard: string[] = [];
    for (const event of ['started', 'empty', 'retry', 'idle'] as const) queue.on(event, () => heard.push(event));
    queue.submit(nothing, [], { retry: { error: 1, delay: 100 } });
    await settled();
    worker.fail(new Error('again'));
    await settled();
    await vi.advanceTimersByTimeAsync(100);
    await settled();
    worker.done();
    await settled();
    expect(heard).toEqual(['started', 'empty', 'retry', 'started', 'empty', 'idle']);
  });

  test('tell what was queued before anything else of it, even if it was cancelled at once', async () => {
    const queue = queueOf([]);
    const heard = protocolOf(queue);
    queue.submit(nothing, [], { id: 'a' }).cancel();
    await settled();
    expect(heard.map(([name, id]) => [name, id])).toEqual([
      ['queued', 'a'],
      ['cancelled', 'a'],
      ['empty', 0],
      ['idle', 0],
    ]);
  });

  test('tell what a running task queued before it starts', async () => {
    const queue = queueOf([new AsyncWorker({ concurrency: 2 })]);
    const heard = protocolOf(queue);
    await queue.call(() => queue.call(nothing, [], { id: 'inner' }), [], { id: 'outer' });
    const ofInner = heard.filter(([, id]) => id === 'inner').map(([name]) => name);
    expect(ofInner).toEqual(['queued', 'started', 'done']);
  });

  test('carry their payloads', async () => {
    const { queue, worker } = await manual();
    const heard: unknown[][] = [];
    for (const name of ['started', 'progress', 'failed', 'cancelled', 'retry'] as const) {
      queue.on(name, (...payload: unknown[]) => heard.push([name, ...payload]));
    }
    const handle = queue.submit(nothing, [], { retry: { error: 1 } });
    const [first, second] = [new Error('first'), new Error('second')];
    await settled();
    worker.find().progress({ share: 0.5 });
    worker.fail(first);
    await settled();
    worker.fail(second);
    const cancelled = queue.submit(nothing);
    cancelled.cancel('reason');
    const reason = await errorOf(cancelled.promise);
    expect(heard).toEqual([
      ['started', handle],
      ['progress', handle, { share: 0.5 }],
      ['retry', handle, first],
      ['started', handle],
      ['failed', handle, second],
      ['cancelled', cancelled, reason],
    ]);
  });

  test('tell of workers that come and go', async () => {
    const queue = queueOf([]);
    const heard: unknown[][] = [];
    for (const name of ['workerAttached', 'workerDetached', 'workerLost', 'workerReplaced'] as const) {
      queue.on(name, (...payload: unknown[]) => heard.push([name, ...payload]));
    }
    const [first, second] = [new ManualWorker(), new ManualWorker()];
    await queue.attachWorker(first);
    await queue.attachWorker(second);
    await queue.detachWorker(first);
    const error = new Error('it can not go on');
    second.employer.resign(error);
    second.employer.resign(error);
    expect(heard).toEqual([
      ['workerAttached', first],
      ['workerAttached', second],
      ['workerDetached', first],
      ['workerLost', second, error],
    ]);
  });
});

describe('Listeners', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('that throw disturb neither the queue nor other listeners, and are told to the logger', async () => {
    const logger = loggerWith();
    const queue = queueOf([new AsyncWorker()], { logger });
    const others = vi.fn();
    const faults = names.map((name) => {
      const fault = new Error(name);
      queue.on(name, () => {
        throw fault;
      });
      queue.on(name, others);
      return fault;
    });
    const handle = queue.submit(() => 1);
    handle.onProgress(() => {
      throw new Error('progress');
    });
    expect(await handle.promise).toBe(1);
    await errorOf(
      queue.call(
        () => {
          throw new Error('x');
        },
        [],
        { retry: { error: 1 } },
      ),
    );
    await queue.onIdle();
    await settled();
    const told: unknown[] = logger.error.mock.calls.map(([, error]) => error);
    for (const fault of faults) {
      if (!['progress', 'cancelled'].includes(fault.message)) expect(told).toContain(fault);
    }
    expect(others.mock.calls.length).toBe(told.length);
  });

  /** What is uncaught while `during` runs. */
  async function uncaughtIn(during: (uncaught: unknown[]) => Promise<void>): Promise<unknown[]> {
    const uncaught: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error));
    try {
      await during(uncaught);
      await settled();
      await settled();
      return uncaught;
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of before) process.on('uncaughtException', listener);
    }
  }

  test('that reject are told to the logger, too', async () => {
    const logger = loggerWith();
    const queue = queueOf([new AsyncWorker()], { logger });
    const error = new Error('later');
    queue.on('done', async () => {
      throw error;
    });
    await queue.call(nothing);
    await settled();
    expect(logger.error.mock.calls).toEqual([['A listener threw', error]]);
  });

  test('that throw are thrown again in a macrotask of their own, without a logger', async () => {
    const [first, second] = [new Error('first'), new Error('second')];
    const uncaught = await uncaughtIn(async (before) => {
      const queue = queueOf();
      for (const error of [first, second]) {
        queue.on('done', () => {
          throw error;
        });
      }
      expect(await queue.call(() => 1)).toBe(1);
      expect(before).toEqual([]);
    });
    expect(uncaught).toEqual([first, second]);
  });

  test('that throw, and a logger that throws when it is told, are no worse', async () => {
    const fault = new Error('disk full');
    const error = () => {
      throw fault;
    };
    const uncaught = await uncaughtIn(async () => {
      const queue = queueOf([new AsyncWorker()], { logger: loggerWith(error) });
      queue.on('started', error);
      expect(await queue.call(() => 1)).toBe(1);
      expect(await queue.call(() => 2)).toBe(2);
    });
    expect(uncaught).toEqual([fault, fault]);
  });

  test('that throw, and a logger that rejects when it is told, are no worse', async () => {
    const [fault, cause] = [new Error('disk full'), new Error('thrown')];
    const error = vi.fn(async () => {
      throw fault;
    });
    const uncaught = await uncaughtIn(async () => {
      const queue = queueOf([new AsyncWorker()], { logger: loggerWith(error) });
      queue.on('started', () => {
        throw cause;
      });
      expect(await queue.call(() => 1)).toBe(1);
    });
    expect(uncaught).toEqual([fault]);
    expect(error.mock.calls).toEqual([['A listener threw', cause]]);
  });

  test('heard once are heard once', async () => {
    const queue = queueOf();
    const [once, always] = [vi.fn(), vi.fn()];
    queue.once('done', once);
    queue.on('done', always);
    for (let i = 0; i < 3; i++) await queue.call(nothing);
    expect([once.mock.calls.length, always.mock.calls.length]).toEqual([1, 3]);
    expect(queue.listenerCount('done')).toBe(1);
  });

  test('can be removed, however they came', async () => {
    const queue = queueOf();
    const listener = vi.fn();
    queue.on('done', listener).off('done', listener);
    queue.addListener('done', listener).removeListener('done', listener);
    queue.once('done', listener).off('done', listener);
    queue.once('done', listener).off('done', listener, undefined, true);
    queue.on('done', listener).removeAllListeners('done');
    await queue.call(nothing);
    expect(listener).not.toHaveBeenCalled();
  });

  test('can be removed while they are called', async () => {
    const queue = queueOf();
    const listener = vi.fn(() => {
      queue.off('done', listener);
    });
    queue.on('done', listener);
    await queue.call(nothing);
    await queue.call(nothing);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test('get the context they were given', async () => {
    const queue = queueOf();
    const context = { name: 'context' };
    const seen: unknown[] = [];
    queue.on(
      'done',
      function (this: unknown) {
        seen.push(this);
      },
      context,
    );
    await queue.call(nothing);
    expect(seen).toEqual([context]);
  });

  test("may submit when they hear of 'idle' or 'empty', and hear of the next; neither is told when it is not so", async () => {
    const queue = queueOf();
    const heard: [name: string, size: number, pending: number][] = [];
    let [onIdle, onEmpty] = [3, 0];
    queue.on('idle', () => {
      heard.push(['idle', queue.size, queue.pending]);
      if (onIdle-- > 0) queue.submit(nothing);
    });
    queue.on('empty', () => {
      heard.push(['empty', queue.size, queue.pending]);
      if (onEmpty-- > 0) queue.submit(nothing);
    });
    queue.submit(nothing);
    await settled();
    const once = [
      ['empty', 0, 0],
      ['idle', 0, 0],
    ];
    expect(heard).toEqual([once, once, once, once].flat());
    heard.length = 0;
    onEmpty = 2;
    queue.submit(nothing);
    await settled();
    expect(heard).toEqual([['empty', 0, 0], ['empty', 0, 0], ...once]);
  });

  test('may submit, cancel and pause', async () => {
    const queue = queueOf();
    const results: unknown[] = [];
    queue.once('done', () => {
      queue.call(() => 'from a listener').then((value) => results.push(value));
    });
    queue.once('queued', (task) => {
      if (task.id === 'unwanted') task.cancel();
    });
    const unwanted = queue.submit(() => 0, [], { id: 'unwanted' });
    expect(await queue.call(() => 1)).toBe(1);
    await queue.onIdle();
    await settled();
    expect(results).toEqual(['from a listener']);
    expect(unwanted.state).toBe('cancelled');
  });

  test('that cancel a task as it is to be run again end it', async () => {
    const queue = queueOf();
    queue.on('retry', (task) => task.cancel());
    const handle = queue.submit(
      () => {
        throw new Error('x');
      },
      [],
      { retry: { error: 5 } },
    );
    expect((await errorOf(handle.promise)).name).toBe('TaskCancelledError');
    await queue.onIdle();
    expect([handle.attempts, queue.size, queue.pending]).toEqual([1, 0, 0]);
  });
});

describe('stalled', () => {
  test('tells once of a series that no worker may serve, and again when it happens again', async () => {
    const queue = queueOf([new ManualWorker({ series: ['served'] })]);
    const heard: unknown[][] = [];
    queue.on('stalled', (...payload) => heard.push(payload));
    queue.submit(nothing, [], { series: 'other' });
    queue.submit(nothing, [], { series: 'other' });
    queue.submit(nothing, [], { series: 'served' });
    await settled();
    expect(heard).toEqual([['other', 'unserved', []]]);
    await queue.qualifyWorker(1, 'other');
    await settled();
    await queue.detachWorker(1, { crash: true });
    queue.submit(nothing, [], { series: 'other' });
    await settled();
    expect(heard.filter(([series]) => series === 'other')).toHaveLength(2);
  });

  test('tells again of a series whose tasks were cancelled before the next came', async () => {
    const { queue } = await manual({ series: ['a'] });
    const stalled: unknown[] = [];
    queue.on('stalled', (series) => stalled.push(series));
    queue.submit(nothing, [], { series: 'b' });
    await settled();
    queue.cancelAll();
    await settled();
    queue.submit(nothing, [], { series: 'b' });
    await settled();
    expect(stalled).toEqual(['b', 'b']);
  });

  test('tells of a task that is run again after a delay when its worker is gone', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { queue, worker } = await manual();
    const stalled: unknown[] = [];
    queue.on('stalled', (series) => stalled.push(series));
    queue.submit(nothing, [], { series: 's', retry: { error: 1, delay: 100 } });
    await settled();
    worker.fail(new Error('x'));
    await queue.detachWorker(worker);
    expect(stalled).toEqual([]);
    vi.advanceTimersByTime(100);
    await settled();
    expect(stalled).toEqual(['s']);
  });

  test('tells of a task that is to be run again when its worker leaves', async () => {
    const { queue, worker } = await manual();
    const stalled: unknown[] = [];
    queue.on('stalled', (series) => stalled.push(series));
    queue.submit(nothing, [], { series: 's', retry: { error: 1 } });
    await settled();
    const detached = queue.detachWorker(worker);
    await settled();
    expect(stalled).toEqual([]);
    worker.fail(new Error('x'));
    await detached;
    expect(stalled).toEqual(['s']);
  });

  test('tells of a task that a worker which leaves gives back after a while', async () => {
    const answer = deferred<boolean>();
    class SlowWorker extends ManualWorker {
      override recall(): Promise<boolean> {
        return answer.promise;
      }
    }
    const queue = queueOf([new SlowWorker({ ahead: 1 })]);
    const stalled: unknown[] = [];
    queue.on('stalled', (series) => stalled.push(series));
    for (const series of ['running', 'held']) queue.submit(nothing, [], { series });
    await settled();
    void queue.detachWorker(1);
    await settled();
    expect(stalled).toEqual([]);
    answer.resolve(true);
    await settled();
    expect(stalled).toEqual(['held']);
  });

  test('tells nothing of one that is served again, or again of one whose next task came, in the same turn', async () => {
    const { queue } = await manual({ series: ['a', 'b'] });
    const stalled: unknown[] = [];
    queue.on('stalled', (series) => stalled.push(series));
    for (const series of ['a', 'b']) queue.submit(nothing, [], { series });
    const first = queue.submit(nothing, [], { series: 'other' });
    await settled();
    expect(stalled).toEqual(['other']);
    first.cancel();
    queue.submit(nothing, [], { series: 'other' });
    await Promise.all([
      queue.detachWorker(1, { crash: true }),
      queue.attachWorker(new ManualWorker({ series: ['b'] })),
    ]);
    await settled();
    expect(stalled).toEqual(['other', 'a']);
  });

  test('costs nothing in the rounds that follow, however many series it has told of', async () => {
    const queue = queueOf();
    for (let i = 0; i < 1000; i++) queue.submit(nothing, [], { series: i, on: 'nobody' });
    await queue.call(nothing);
    const lookedUp = vi.spyOn(Map.prototype, 'get');
    onTestFinished(() => lookedUp.mockRestore());
    await queue.call(nothing);
    expect(lookedUp.mock.calls.length).toBeLessThan(100);
  });

  test('tells of what the last worker leaves behind that resigns, and that waits for the next one', async () => {
    const worker = new ManualWorker();
    const queue = queueOf([worker]);
    await settled();
    const heard: unknown[] = [];
    queue.on('workerLost', ({ id }, error) => heard.push([id, error]));
    queue.on('stalled', (series, reason) => heard.push([series, reason]));
    const handles = ['a', 'b'].map((series) => queue.submit(() => series, [], { series }));
    await settled();
    const error = new Error('no more memory');
    worker.employer.resign(error);
    await settled();
    expect(heard).toEqual([
      [1, error],
      // It waited; the other one ran, and came back.
      ['b', 'unserved'],
      ['a', 'unserved'],
    ]);
    expect([queue.size, handles.map(({ state }) => state)]).toEqual([2, ['queued', 'queued']]);
    await queue.attachWorker(new AsyncWorker());
    expect(await Promise.all(handles.map(({ promise }) => promise))).toEqual(['a', 'b']);
  });

  test('tells of a deadlock whose calls are one that is new, and one that waits to be run again after a delay', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const queue = queueOf([new AsyncWorker({ concurrency: 2 })]);
    const heard: unknown[] = [];
    queue.on('stalled', (_, reason, ids) => heard.push([reason, ids]));
    const failing = async () => {
      throw new Error('x');
    };
    queue.submit(() => queue.call(failing, [], { retry: { error: 1, delay: 100 } }), [], { id: 'a' });
    await settled();
    expect([queue.size, queue.pending]).toEqual([1, 1]);
    queue.submit(() => queue.call(nothing), [], { id: 'b' });
    await settled();
    const deadlock = ['deadlock', ['a', 'b']];
    expect(heard).toEqual([deadlock, deadlock]);
    vi.advanceTimersByTime(100);
    await settled();
    expect(heard).toHaveLength(2);
  });

  test.each(['given back', 'run again'])('tells of a deadlock whose call had started and was %s', async (how) => {
    const worker = new ManualWorker({ kind: 'async', series: ['inner'] });
    const queue = queueOf([new AsyncWorker({ concurrency: 1 }), worker]);
    const heard: unknown[] = [];
    queue.on('stalled', (...payload) => heard.push(payload));
    await settled();
    queue.submit(() => queue.call(nothing, [], { series: 'inner', id: 'inner' }), [], { id: 'outer' });
    await settled();
    const assignment = worker.find('inner');
    if (how === 'given back') worker.employer.lost(new WorkerLostError('it died'), [assignment]);
    expect(heard).toEqual([]);
    await queue.detachWorker(worker, { crash: true });
    await settled();
    expect(heard).toEqual([['inner', 'deadlock', ['outer']]]);
  });

  test('tells of no deadlock while the call has a place with a worker that has not said yet that it runs', async () => {
    class LateWorker extends ManualWorker {
      override run(assignment: Assignment): void {
        this.held.push(assignment);
      }
    }
    const worker = new LateWorker({ kind: 'async', series: ['inner'] });
    const queue = queueOf([new AsyncWorker({ concurrency: 1 }), worker]);
    const heard: unknown[] = [];
    queue.on('stalled', (...payload) => heard.push(payload));
    await settled();
    const outer = queue.submit(() => queue.call(nothing, [], { series: 'inner' }));
    await settled();
    expect([outer.state, worker.held.length, heard]).toEqual(['running', 1, []]);
  });

  test('tells of a task for a kind of worker that is not there', async () => {
    const queue = queueOf([new AsyncWorker()]);
    const heard: unknown[] = [];
    queue.on('stalled', (series, reason) => heard.push([series, reason]));
    queue.submit(nothing, [], { series: 's', on: 'thread' });
    await settled();
    expect(heard).toEqual([['s', 'unserved']]);
    expect(await queue.call(() => 1, [], { series: 's' })).toBe(1);
  });

  test('is told to the logger, with the series and the reason', async () => {
    const logger = loggerWith();
    const queue = queueOf([new AsyncWorker()], { logger });
    queue.submit(nothing, [], { series: { user: 7 }, on: 'thread' });
    queue.submit(() => queue.call(nothing), [], { series: 'outer', id: 'task 1' });
    await settled();
    expect(logger.warn.mock.calls).toEqual([
      ["Tasks of series { user: 7 } can't start (unserved): no attached worker may serve them"],
      [
        "Tasks of series undefined can't start (deadlock): every place is taken by tasks that wait for calls of their own: task 1",
      ],
    ]);
    expect(logger.error).not.toHaveBeenCalled();
  });
});
