import { AsyncLocalStorage } from 'node:async_hooks';
import { AsyncWorker, isNiceqError, type TaskQueue, taskContext, WorkerLostError } from 'niceq';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  errorOf,
  ForgetfulWorker,
  loggerWith,
  type ManualWorker,
  manual,
  nothing,
  queueOf,
  settled,
} from './helpers.js';

afterEach(() => {
  vi.useRealTimers();
});

const pass = async (time: number) => {
  await vi.advanceTimersByTimeAsync(time);
  await settled();
};

/** The thread of a worker dies with what it runs, and is there again. */
async function lose(worker: ManualWorker): Promise<void> {
  const unstarted = worker.held.splice(0);
  worker.running.length = 0;
  worker.employer.lost(new WorkerLostError('it died', { exitCode: 3, signal: null, stderr: 'last words' }), unstarted);
  await worker.employer.ready();
  await settled();
}

describe('After an error', () => {
  const failing = (times: number) => {
    let count = 0;
    return () => {
      count += 1;
      if (count <= times) throw new Error(`failure ${count}`);
      return count;
    };
  };

  test('a task is not run again, if nothing else was said', async () => {
    expect((await errorOf(queueOf().call(failing(1)))).message).toBe('failure 1');
  });

  test('a task is run again as often as it may be', async () => {
    const queue = queueOf();
    const handle = queue.submit(failing(2), [], { retry: { error: 2 } });
    expect(await handle.promise).toBe(3);
    expect(handle.attempts).toBe(3);
    expect((await errorOf(queue.call(failing(3), [], { retry: { error: 2 } }))).message).toBe('failure 3');
  });

  test('a task is run again as the queue says, unless the call says something else', async () => {
    const queue = queueOf([new AsyncWorker()], { retry: { error: 1 } });
    expect(await queue.call(failing(1))).toBe(2);
    expect(await queue.call(failing(1), [], { retry: { lost: 7 } })).toBe(2);
    expect((await errorOf(queue.call(failing(1), [], { retry: { error: 0 } }))).message).toBe('failure 1');
  });

  test('a predicate decides, with the error and the attempt', async () => {
    const queue = queueOf();
    const seen: [string, number][] = [];
    const error = (thrown: unknown, attempt: number) => {
      seen.push([(thrown as Error).message, attempt]);
      return attempt < 3;
    };
    expect((await errorOf(queue.call(failing(9), [], { retry: { error } }))).message).toBe('failure 3');
    expect(seen).toEqual([
      ['failure 1', 1],
      ['failure 2', 2],
      ['failure 3', 3],
    ]);
  });

  test('a predicate that answers with a promise fails the task, and says why', async () => {
    const queue = queueOf();
    const verdicts = [async () => false, async () => true, () => Promise.reject(new Error('later'))];
    for (const error of verdicts as (() => unknown)[]) {
      const handle = queue.submit(failing(9), [], { retry: { error: error as () => boolean } });
      const refusal = await errorOf(handle.promise);
      expect(refusal).toBeInstanceOf(TypeError);
      expect(refusal).toMatchObject({
        message: expect.stringContaining('`retry.error'),
        cause: new Error('failure 1'),
      });
      expect(handle.attempts).toBe(1);
    }
  });

  test('a predicate that throws ends the retries, and is told to the logger', async () => {
    const logger = loggerWith();
    const queue = queueOf([new AsyncWorker()], { logger });
    const fault = new Error('in the predicate');
    const error = () => {
      throw fault;
    };
    expect((await errorOf(queue.call(failing(9), [], { retry: { error } }))).message).toBe('failure 1');
    expect(logger.error.mock.calls[0]?.[1]).toBe(fault);
  });

  test('of a task that was cancelled nobody is asked whether it is run again', async () => {
    const { queue, worker } = await manual();
    const error = vi.fn(() => true);
    const handle = queue.submit(nothing, [], { retry: { error } });
    await settled();
    handle.cancel();
    worker.fail(new Error('too late'));
    await settled();
    expect([handle.state, worker.given.length, error.mock.calls]).toEqual(['cancelled', 1, []]);
  });

  test('a task goes to the head of its series', async () => {
    const { queue, worker } = await manual();
    for (const id of ['a', 'b', 'c']) queue.submit(nothing, [], { id, retry: { error: 1 } });
    await settled();
    worker.fail(new Error('x'));
    await settled();
    expect(worker.given).toEqual(['a', 'a']);
  });

  test('a task is told its attempt', async () => {
    const queue = queueOf();
    const attempts: number[] = [];
    const task = () => {
      attempts.push(taskContext().attempt);
      if (attempts.length < 3) throw new Error('x');
    };
    await queue.call(task, [], { retry: { error: 5 } });
    expect(attempts).toEqual([1, 2, 3]);
  });

  describe('with a delay', () => {
    beforeEach(() => {
      vi.useFakeTimers();
    });

    test('a task waits before it is run again', async () => {
      const { queue, worker } = await manual();
      const handle = queue.submit(nothing, [], { id: 'a', retry: { error: 1, delay: 1000 } });
      queue.submit(nothing, [], { id: 'b' });
      await settled();
      worker.fail(new Error('x'));
      await settled();
      expect([worker.given, handle.state, queue.size, queue.pending]).toEqual([['a', 'b'], 'queued', 1, 1]);
      worker.done();
      await pass(999);
      expect(worker.given).toEqual(['a', 'b']);
      await pass(1);
      expect(worker.given).toEqual(['a', 'b', 'a']);
      worker.done('after all');
      expect(await handle.promise).toBe('after all');
    });

    test('a function of the attempt says how long', async () => {
      const { queue, worker } = await manual();
      const delay = vi.fn((attempt: number) => attempt * 100);
      queue.submit(nothing, [], { id: 'a', retry: { error: 2, delay } });
      await settled();
      worker.fail(new Error('x'));
      await pass(100);
      worker.fail(new Error('x'));
      await pass(199);
      expect(worker.given).toHaveLength(2);
      await pass(1);
      expect(worker.given).toHaveLength(3);
      expect(delay.mock.calls).toEqual([[1], [2]]);
    });

    test('a function that throws or says nonsense means no delay, and is told to the logger', async () => {
      const logger = loggerWith();
      const { queue, worker } = await manual({}, { logger });
      for (const delay of [
        () => -1,
        () => Number.NaN,
        () => 'x' as unknown as number,
        (): number => {
          throw new Error('y');
        },
      ]) {
        queue.submit(nothing, [], { retry: { error: 1, delay } });
        await settled();
        worker.fail(new Error('x'));
        await settled();
        worker.done();
      }
      expect(logger.error).toHaveBeenCalledTimes(4);
    });

    test('a task can be cancelled or reniced meanwhile', async () => {
      const { queue, worker } = await manual();
      const [cancelled, reniced] = [0, 1].map(() => queue.submit(nothing, [], { retry: { error: 1, delay: 1000 } }));
      for (let i = 0; i < 2; i++) {
        await settled();
        worker.fail(new Error('x'));
      }
      await settled();
      expect([queue.size, cancelled?.cancel(), reniced?.renice(5), reniced?.niceness]).toEqual([2, true, true, 5]);
      await pass(1000);
      expect([worker.given.length, queue.size, cancelled?.state, reniced?.state]).toEqual([
        3,
        0,
        'cancelled',
        'running',
      ]);
    });
  });
});

describe('After the loss of its worker', () => {
  test('a task is run again once, then fails with what is known of the end', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    await settled();
    await lose(worker);
    expect([handle.state, handle.attempts]).toEqual(['running', 2]);
    await lose(worker);
    const error = await errorOf(handle.promise);
    expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
    expect(error).toMatchObject({ exitCode: 3, signal: null, stderr: 'last words', attempts: 2 });
  });

  test('a task that it only held is run again at no cost', async () => {
    const { queue, worker } = await manual({ ahead: 1 });
    const handles = ['a', 'b'].map((id) => queue.submit(nothing, [], { id, retry: { lost: 0 } }));
    await settled();
    await lose(worker);
    expect(handles.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['failed', 1],
      ['running', 1],
    ]);
  });

  test('or an error a task whose arguments were handed over is not run again', async () => {
    const { queue, worker } = await manual({ concurrency: 2 });
    const handles = ['lost', 'error'].map((id) => {
      const bytes = new ArrayBuffer(1);
      return queue.submit((given: ArrayBuffer) => given, [bytes], {
        id,
        transfer: [bytes],
        retry: { lost: 9, error: 9 },
      });
    });
    await settled();
    worker.fail(new Error('x'), 'error');
    await lose(worker);
    expect(handles.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['failed', 1],
      ['failed', 1],
    ]);
  });

  test('a task whose arguments were handed over is not sent again, even if it never began', async () => {
    const { queue, worker } = await manual();
    const bytes = new ArrayBuffer(1);
    const handle = queue.submit((given: ArrayBuffer) => given, [bytes], { transfer: [bytes], retry: { lost: 9 } });
    await settled();
    const unstarted = worker.running.splice(0);
    worker.employer.lost(new WorkerLostError('it died', { exitCode: 3 }), unstarted);
    const error = await errorOf(handle.promise);
    expect(error).toMatchObject({ code: 'ERR_WORKER_LOST', exitCode: 3, message: expect.stringMatching(/transfer/) });
    expect([queue.size, queue.pending, worker.given.length]).toEqual([0, 0, 1]);
  });

  test('a task whose arguments only were copied goes elsewhere, if it never began', async () => {
    const { queue, worker } = await manual({ kind: 'process' });
    const bytes = new ArrayBuffer(1);
    const handle = queue.submit((given: ArrayBuffer) => given, [bytes], { transfer: [bytes], on: 'process' });
    await settled();
    const unstarted = worker.running.splice(0);
    worker.employer.lost(new WorkerLostError('it died'), unstarted);
    expect([handle.state, handle.attempts]).toEqual(['queued', 0]);
  });

  test('a task that was cancelled while it was held costs its series nothing', async () => {
    const worker = new ForgetfulWorker({ ahead: 1 });
    const queue = queueOf([worker], { retry: { lost: 0 } });
    await settled();
    const handles = ['a0', 'a1'].map((id) => queue.submit(nothing, [], { id, series: 'a' }));
    await settled();
    handles[1]?.cancel();
    worker.crash();
    worker.employer.lost(new WorkerLostError('it died'), []);
    expect([handles[0]?.state, queue.size, queue.pending]).toEqual(['failed', 0, 0]);
    for (const series of ['a', 'b']) queue.submit(nothing, [], { id: `${series}2`, series });
    await worker.employer.ready();
    await settled();
    expect(worker.given).toEqual(['a0', 'a1', 'a2', 'b2']);
  });

  test('a task that never began is run again at no cost, even if its worker does not say so', async () => {
    const { queue, worker } = await manual({ ahead: 1 });
    const handles = ['a', 'b'].map((id) => queue.submit(nothing, [], { id, retry: { lost: 0 } }));
    await settled();
    worker.crash();
    worker.employer.lost(new WorkerLostError('it died'), []);
    await worker.employer.ready();
    await settled();
    expect(handles.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['failed', 1],
      ['running', 1],
    ]);
  });

  test('losses, time-outs and errors are counted apart', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing, [], { retry: { lost: 1, error: 1 } });
    await settled();
    await lose(worker);
    worker.fail(new Error('x'));
    await settled();
    expect([handle.state, handle.attempts]).toEqual(['running', 3]);
    worker.done('third');
    expect(await handle.promise).toBe('third');
  });

  test('a task that was cancelled stays cancelled', async () => {
    const { queue, worker } = await manual();
    const handle = queue.submit(nothing);
    await settled();
    handle.cancel();
    await lose(worker);
    expect([handle.state, queue.size, queue.pending]).toEqual(['cancelled', 0, 0]);
    expect(worker.given).toHaveLength(1);
  });
});

describe('A time limit', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  const submitTwo = async (queue: TaskQueue) => {
    const handles = ['a', 'b'].map((id) => queue.submit(nothing, [], { id, timeout: 1000 }));
    await settled();
    return handles as [(typeof handles)[0], (typeof handles)[0]];
  };

  test('begins when a worker starts the task, never while it waits', async () => {
    const { queue, worker } = await manual();
    queue.submit(nothing, [], { id: 'long' });
    const handle = queue.submit(nothing, [], { id: 'limited', timeout: 1000 });
    await settled();
    await pass(5000);
    worker.done();
    await settled();
    await pass(999);
    expect(handle.state).toBe('running');
    await pass(1);
    expect(handle.state).toBe('failed');
  });

  test('is final where the body can not be stopped, whose place stays taken', async () => {
    const { queue, worker } = await manual();
    const [a, b] = await submitTwo(queue);
    const { signal } = worker.find('a');
    await pass(1000);
    const error = await errorOf(a.promise);
    expect(isNiceqError(error, 'ERR_TASK_TIMEOUT')).toBe(true);
    expect(error).toMatchObject({ timeout: 1000, attempts: 1 });
    expect([signal.aborted, signal.reason]).toEqual([true, error]);
    expect([a.state, b.state, queue.pending]).toEqual(['failed', 'queued', 0]);
    worker.done('late');
    await settled();
    expect([a.state, b.state]).toEqual(['failed', 'running']);
  });

  test('elsewhere lets the next attempt begin only when the last has ended', async () => {
    const { queue, worker } = await manual({ cancels: true });
    const [a] = await submitTwo(queue);
    await pass(1000);
    expect([a.state, worker.given]).toEqual(['running', ['a']]);
    expect(worker.cancelled[0]?.[0]).toBe('a');
    worker.done('late', 'a');
    await settled();
    expect([a.state, a.attempts, worker.given]).toEqual(['running', 2, ['a', 'a']]);
    worker.done('in time', 'a');
    expect(await a.promise).toBe('in time');
  });

  test('elsewhere is final after the last attempt, at the limit itself', async () => {
    const { queue, worker } = await manual({ cancels: true });
    const [a, b] = await submitTwo(queue);
    await pass(1000);
    worker.fail(new Error('aborted'), 'a');
    await settled();
    await pass(1000);
    expect([a.state, b.state]).toEqual(['failed', 'queued']);
    expect(await errorOf(a.promise)).toMatchObject({ code: 'ERR_TASK_TIMEOUT', timeout: 1000, attempts: 2 });
    await lose(worker);
    expect(b.state).toBe('running');
  });

  test('elsewhere is kept by what ended in time, if this thread was too busy to hear of it before', async () => {
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { queue, worker } = await manual({ concurrency: 3, cancels: true }, { timeout: 1000, retry: { timeout: 0 } });
    const handles = ['done', 'failed', 'late'].map((id) => queue.submit(nothing, [], { id }));
    await settled();
    const [done, failed, late] = ['done', 'failed', 'late'].map((id) => worker.find(id));
    for (const assignment of worker.running) assignment.started(5000);
    vi.advanceTimersByTime(1000);
    // What had arrived by then is read now.
    done?.done('in time', 6000);
    failed?.fail(new Error('x'), 6000);
    late?.done('late', 6001);
    expect(handles.map(({ state }) => state)).toEqual(['done', 'failed', 'failed']);
    expect((await errorOf(handles[1]?.promise as Promise<unknown>)).message).toBe('x');
    expect((await errorOf(handles[2]?.promise as Promise<unknown>)).code).toBe('ERR_TASK_TIMEOUT');
    await settled();
    expect([worker.cancelled, queue.size, queue.pending]).toEqual([[], 0, 0]);
  });

  test("is the queue's unless the call has its own", async () => {
    const { queue } = await manual({ concurrency: 3 }, { timeout: 1000 });
    const timeouts = [undefined, 2000, Number.POSITIVE_INFINITY];
    const handles = timeouts.map((timeout) => queue.submit(nothing, [], timeout === undefined ? {} : { timeout }));
    await settled();
    await pass(1000);
    expect(handles.map(({ state }) => state)).toEqual(['failed', 'running', 'running']);
    await pass(1000);
    expect(handles.map(({ state }) => state)).toEqual(['failed', 'failed', 'running']);
  });

  test('is over with the task', async () => {
    const { queue, worker } = await manual();
    const [a] = await submitTwo(queue);
    worker.done('in time', 'a');
    await settled();
    worker.done('in time', 'b');
    await pass(5000);
    expect(a.state).toBe('done');
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1);
    expect([queue.size, queue.pending]).toEqual([0, 0]);
  });

  test('does not turn a cancelled task into one that failed', async () => {
    const { queue, worker } = await manual({ cancels: true });
    const [a] = await submitTwo(queue);
    a.cancel();
    await pass(5000);
    expect(a.state).toBe('cancelled');
    expect(worker.given).toEqual(['a']);
  });
});

describe('In the main thread', () => {
  test('a task keeps the AsyncLocalStorage of its caller, each its own', async () => {
    const storage = new AsyncLocalStorage<string>();
    const queue = queueOf([new AsyncWorker({ concurrency: 2 })]);
    const read = async () => {
      const before = storage.getStore();
      await settled();
      return [before, storage.getStore()];
    };
    const calls = ['a', 'b', 'c', 'd'].map((name) => storage.run(name, () => queue.call(read)));
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'c', 'd'].map((name) => [name, name]));
    expect(await queue.call(read)).toEqual([undefined, undefined]);
  });

  test('a task that is run again keeps it, too', async () => {
    const storage = new AsyncLocalStorage<string>();
    const queue = queueOf();
    const seen: unknown[] = [];
    const task = () => {
      seen.push(storage.getStore());
      if (seen.length < 2) throw new Error('x');
    };
    await storage.run('mine', () => queue.call(task, [], { retry: { error: 1, delay: 1 } }));
    expect(seen).toEqual(['mine', 'mine']);
  });

  test('tasks that interleave each have their own context', async () => {
    const queue = queueOf([new AsyncWorker({ concurrency: 3 })]);
    const task = async () => {
      const { id, report, signal } = taskContext();
      await settled();
      report(id);
      return [id, signal.aborted];
    };
    const heard: unknown[] = [];
    queue.on('progress', ({ id }, progress) => heard.push([id, progress]));
    const ids = ['a', 'b', 'c'];
    expect(await Promise.all(ids.map((id) => queue.call(task, [], { id })))).toEqual(ids.map((id) => [id, false]));
    expect(heard).toEqual(ids.map((id) => [id, id]));
  });

  test('there is no context outside of a task', () => {
    expect(() => taskContext()).toThrow('taskContext()');
  });

  test('nobody else is kept waiting by tasks that return at once', async () => {
    const queue = queueOf();
    let isHeard = false;
    setImmediate(() => {
      isHeard = true;
    });
    let heardAt = -1;
    await Promise.all(
      Array.from({ length: 5000 }, (_, i) =>
        queue.call(() => {
          if (isHeard && heardAt === -1) heardAt = i;
        }),
      ),
    );
    expect(heardAt).toBeGreaterThan(-1);
    expect(heardAt).toBeLessThan(4999);
  });
});
