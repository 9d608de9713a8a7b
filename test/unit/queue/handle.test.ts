import { AsyncWorker, isNiceqError, type TaskQueue, transferable } from 'niceq';
import { describe, expect, test, vi } from 'vitest';
import { errorOf, ManualWorker, manual, nothing, queueOf, settled } from './helpers.js';

describe('A handle', () => {
  test('follows its task from the queue to its result', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit((a: number, b: number) => a + b, [1, 2], { series: 's', niceness: 3, id: 'sum' });
    expect(handle).toMatchObject({ id: 'sum', series: 's', niceness: 3, state: 'queued', attempts: 0 });
    expect([handle.workerId, handle.startedAt, handle.endedAt]).toEqual([undefined, undefined, undefined]);
    await settled();
    expect([handle.state, handle.attempts, handle.workerId, handle.endedAt]).toEqual(['running', 1, 1, undefined]);
    worker.done(3);
    expect(handle.state).toBe('done');
    expect(await handle.promise).toBe(3);
    const { queuedAt, startedAt = 0, endedAt = 0 } = handle;
    expect(queuedAt).toBeLessThanOrEqual(startedAt);
    expect(startedAt).toBeLessThanOrEqual(endedAt);
  });

  test('follows it to its failure', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    await settled();
    const error = new Error('x');
    worker.fail(error);
    expect(handle.state).toBe('failed');
    expect(await errorOf(handle.promise)).toBe(error);
  });

  test('has the times that the worker tells', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    await settled();
    const assignment = worker.find();
    assignment.started(1000.5);
    assignment.done(1, 2000.25);
    expect([handle.startedAt, handle.endedAt]).toEqual([1000.5, 2000.25]);
  });

  test('gives the same promise each time, before and after the end', async () => {
    const queue = queueOf();
    const handle = queue.submit(() => 5);
    const { promise } = handle;
    expect(handle.promise).toBe(promise);
    expect(await promise).toBe(5);
    expect(handle.promise).toBe(promise);
    const late = queue.submit(() => 6);
    await queue.onIdle();
    expect(late.promise).toBe(late.promise);
    expect(await late.promise).toBe(6);
  });

  test('whose promise nobody took raises no unhandledRejection', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    try {
      const queue = queueOf();
      const handle = queue.submit(() => {
        throw new Error('nobody listens');
      });
      queue.submit(nothing, [], { signal: AbortSignal.abort() });
      await queue.onIdle();
      await settled();
      await settled();
      expect(handle.state).toBe('failed');
      expect(unhandled).not.toHaveBeenCalled();
      expect((await errorOf(handle.promise)).message).toBe('nobody listens');
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });

  test('waits for what a promise-like result comes to', async () => {
    const queue = queueOf();
    const handle = queue.submit(async () => 5);
    expect(await handle.promise).toBe(5);
  });

  test('ends as the promise does that its task has marked as transferable', async () => {
    const queue = queueOf([new AsyncWorker({ concurrency: 2 })]);
    const [done, failed] = [async () => 5, async () => Promise.reject(new Error('after all'))].map((promised) =>
      queue.submit(() => transferable(promised(), [])),
    );
    expect(await done?.promise).toBe(5);
    expect((await errorOf(failed?.promise as Promise<unknown>)).message).toBe('after all');
    expect([done?.state, failed?.state]).toEqual(['done', 'failed']);
  });

  test('of a task that ends later than it was cancelled keeps the time of that', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    await settled();
    handle.cancel();
    const { endedAt = 0 } = handle;
    worker.find().done(1, endedAt + 1000);
    expect(handle.endedAt).toBe(endedAt);
    expect(endedAt).toBeGreaterThan(0);
  });

  test('counts later words of its worker as nothing', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(() => 0);
    await settled();
    const assignment = worker.find();
    worker.done(1);
    assignment.done(2);
    assignment.fail(new Error('late'));
    assignment.progress('late');
    assignment.started();
    expect(await handle.promise).toBe(1);
    expect([handle.state, queue.pending, queue.size]).toEqual(['done', 0, 0]);
  });
});

describe('cancel()', () => {
  test('drops a task that waits', async () => {
    const { queue, worker } = await manual();
    queue.submit(nothing, [], { id: 'first' });
    const handle = queue.submit(nothing, [], { id: 'second' });
    await settled();
    expect(handle.cancel({ why: 'not wanted' })).toBe(true);
    expect([handle.state, queue.size]).toEqual(['cancelled', 0]);
    expect(handle.cancel()).toBe(false);
    const error = await errorOf(handle.promise);
    expect(isNiceqError(error, 'ERR_TASK_CANCELLED')).toBe(true);
    expect(error.cause).toEqual({ why: 'not wanted' });
    expect(handle.endedAt).toBeTypeOf('number');
    worker.done();
    await settled();
    expect(worker.given).toEqual(['first']);
  });

  test('without a reason gives no cause', async () => {
    const queue = queueOf([]);
    const handle = queue.submit(nothing);
    handle.cancel();
    expect('cause' in (await errorOf(handle.promise))).toBe(false);
  });

  test('aborts the signal of a task that runs, which keeps its place until it ends', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing, [], { id: 'first' });
    queue.submit(nothing, [], { id: 'second' });
    await settled();
    const assignment = worker.find('first');
    const { signal } = assignment;
    expect(handle.cancel('enough')).toBe(true);
    expect([signal.aborted, signal.reason]).toEqual([true, 'enough']);
    expect([handle.state, queue.pending, queue.size]).toEqual(['cancelled', 0, 1]);
    await settled();
    expect(worker.given).toEqual(['first']);
    worker.done('late', 'first');
    await settled();
    expect(worker.given).toEqual(['first', 'second']);
    expect(isNiceqError(await errorOf(handle.promise), 'ERR_TASK_CANCELLED')).toBe(true);
  });

  test('shows in a signal that is looked at only afterwards', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    await settled();
    handle.cancel('enough');
    expect(worker.find().signal).toMatchObject({ aborted: true, reason: 'enough' });
  });

  test('takes back what a worker only holds', async () => {
    const { queue, worker } = await manual({ ahead: 5 });
    const handles = ['a', 'b', 'c'].map((id) => queue.submit(nothing, [], { id }));
    await settled();
    expect(worker.held.map(({ id }) => id)).toEqual(['b', 'c']);
    expect(handles.map(({ state }) => state)).toEqual(['running', 'queued', 'queued']);
    expect([queue.size, queue.pending]).toEqual([2, 1]);
    handles[1]?.cancel();
    await settled();
    expect(worker.held.map(({ id }) => id)).toEqual(['c']);
    expect([queue.size, queue.pending]).toEqual([1, 1]);
  });

  test('tells a worker that can end it', async () => {
    const { queue, worker } = await manual({ cancels: true });
    const handle = queue.submit(nothing, [], { id: 'a' });
    await settled();
    handle.cancel('enough');
    expect(worker.cancelled).toEqual([['a', 'enough']]);
  });

  test('of a task that has ended changes nothing', async () => {
    const queue = queueOf();
    const handle = queue.submit(() => 1);
    await handle.promise;
    expect(handle.cancel()).toBe(false);
    expect([handle.state, await handle.promise]).toEqual(['done', 1]);
  });
});

describe('cancelAll() and cancelSeries()', () => {
  const fill = async (queue: TaskQueue) => {
    const handles = ['a', 'b', 'a', 'b', Number.NaN, undefined].map((series) => queue.submit(nothing, [], { series }));
    await settled();
    return handles;
  };

  test('cancel what waits and what runs, and count it', async () => {
    const { queue } = await manual();
    const handles = await fill(queue);
    expect(queue.cancelAll('all')).toBe(6);
    expect(handles.map(({ state }) => state)).toEqual(handles.map(() => 'cancelled'));
    for (const { promise } of handles) expect((await errorOf(promise)).cause).toBe('all');
    expect([queue.size, queue.pending]).toEqual([0, 0]);
    expect(queue.cancelAll()).toBe(0);
  });

  test('leave other series exactly as they were', async () => {
    const { queue, worker } = await manual();
    const handles = await fill(queue);
    expect(queue.cancelSeries('b', 'only b')).toBe(2);
    expect(queue.cancelSeries('nobody')).toBe(0);
    expect(handles.map(({ state }) => state)).toEqual([
      'running',
      'cancelled',
      'queued',
      'cancelled',
      'queued',
      'queued',
    ]);
    expect([queue.sizeOf('a'), queue.sizeOf('b')]).toEqual([1, 0]);
    for (let i = 0; i < 4; i++) {
      worker.done(i);
      await settled();
    }
    expect(await Promise.all(handles.filter((_, i) => i !== 1 && i !== 3).map(({ promise }) => promise))).toHaveLength(
      4,
    );
  });

  test('know a series by any key of a Map', async () => {
    const { queue } = await manual();
    await fill(queue);
    expect(queue.cancelSeries(Number.NaN)).toBe(1);
    expect(queue.cancelSeries(undefined)).toBe(1);
  });
});

describe('renice()', () => {
  test('moves a task that waits past those it is nicer to itself than', async () => {
    const { queue, worker } = await manual();
    queue.submit(nothing, [], { id: 'first' });
    await settled();
    const handles = Array.from({ length: 10 }, (_, i) => queue.submit(nothing, [], { id: `${i}`, niceness: 10 }));
    expect(handles[9]?.renice(-20)).toBe(true);
    expect(handles[9]?.niceness).toBe(-20);
    for (let i = 0; i < 2; i++) {
      worker.done();
      await settled();
    }
    expect(worker.given).toEqual(['first', '0', '9']);
  });

  test('takes back what a worker only holds', async () => {
    const { queue, worker } = await manual({ ahead: 5 });
    queue.submit(nothing, [], { id: 'first' });
    const handles = ['a', 'b'].map((id) => queue.submit(nothing, [], { id }));
    await settled();
    expect(worker.held).toHaveLength(2);
    expect(handles[1]?.renice(-20)).toBe(true);
    await settled();
    worker.done();
    await settled();
    expect(worker.running.map(({ id }) => id)).toEqual(['a']);
    expect(handles[1]?.niceness).toBe(-20);
  });

  test('of a task that its worker has just begun changes nothing', async () => {
    class Quick extends ManualWorker {
      override recall(): boolean {
        return false;
      }
    }
    const worker = new Quick({ ahead: 1 });
    const queue = queueOf([worker]);
    await settled();
    const handles = ['a', 'b'].map((id) => queue.submit(nothing, [], { id }));
    await settled();
    expect([handles[1]?.state, handles[1]?.renice(-20), handles[1]?.niceness]).toEqual(['queued', false, 0]);
  });

  test('of a task that runs or has ended changes nothing', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    await settled();
    expect([handle.renice(5), handle.niceness]).toEqual([false, 0]);
    worker.done();
    expect([handle.renice(5), handle.niceness]).toEqual([false, 0]);
  });

  test('refuses what is no niceness', () => {
    const handle = queueOf([]).submit(nothing);
    expect(() => handle.renice(21)).toThrow(RangeError);
    expect(() => handle.renice(0.5)).toThrow(RangeError);
    expect(() => handle.renice('5' as unknown as number)).toThrow(TypeError);
  });
});

describe('onProgress()', () => {
  test('hears everything until it ends', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    const heard: unknown[] = [];
    const end = handle.onProgress((progress) => heard.push(progress));
    await settled();
    worker.find().progress(1);
    worker.find().progress(undefined);
    end();
    worker.find().progress(3);
    expect(heard).toEqual([1, undefined]);
  });

  test('hears nothing after the task was cancelled', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    const heard: unknown[] = [];
    handle.onProgress((progress) => heard.push(progress));
    await settled();
    handle.cancel();
    worker.find().progress(1);
    expect(heard).toEqual([]);
  });

  test('refuses what is no function', () => {
    expect(() =>
      queueOf([])
        .submit(nothing)
        .onProgress(5 as never),
    ).toThrow('`listener`');
  });
});

describe('Signals', () => {
  test('that have aborted already give a cancelled handle', async () => {
    const queue = queueOf();
    const handle = queue.submit(nothing, [], { signal: AbortSignal.abort('too late') });
    expect([handle.state, queue.size]).toEqual(['cancelled', 0]);
    expect(await errorOf(handle.promise)).toBe('too late');
  });

  test('shared by thousands of tasks carry one listener, and none in the end', async () => {
    const { queue, worker } = await manual();
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, 'addEventListener');
    const remove = vi.spyOn(signal, 'removeEventListener');
    const handles = Array.from({ length: 2000 }, () => queue.submit(nothing, [], { signal }));
    await settled();
    expect(add).toHaveBeenCalledTimes(1);
    worker.done();
    for (const handle of handles) handle.cancel();
    expect(remove).toHaveBeenCalledTimes(1);
    queue.submit(nothing, [], { signal });
    expect(add).toHaveBeenCalledTimes(2);
  });

  test('reject with their own reason, whatever it is', async () => {
    const { queue } = await manual();
    for (const reason of [new Error('own'), 'text', null, 0]) {
      const controller = new AbortController();
      const { promise } = queue.submit(nothing, [], { signal: controller.signal });
      await settled();
      controller.abort(reason);
      expect(await errorOf(promise)).toBe(reason);
    }
  });

  test('that abort after the end change nothing', async () => {
    const queue = queueOf();
    const controller = new AbortController();
    const handle = queue.submit(() => 1, [], { signal: controller.signal });
    await handle.promise;
    controller.abort();
    expect(handle.state).toBe('done');
  });
});

test('A worker that throws in run() fails the task, and goes on', async () => {
  class ThrowingWorker extends ManualWorker {
    override run(): void {
      throw new Error('a faulty worker');
    }
  }
  const queue = queueOf([new ThrowingWorker()]);
  expect((await errorOf(queue.call(nothing))).message).toBe('a faulty worker');
  await queue.attachWorker(new AsyncWorker());
  expect([queue.size, queue.pending]).toEqual([0, 0]);
});
