import { type Assignment, TaskQueue, WorkerLostError } from 'niceq';
import { describe, expect, test } from 'vitest';
import { errorOf, ManualWorker, manual, nothing, queueOf, settled } from './helpers.js';

/** Cancelling it ends it at once. */
class Obedient extends ManualWorker {
  override readonly cancel = (assignment: Assignment, reason: unknown) => assignment.fail(reason);
}

const once = { retry: { lost: 0 } };

describe('Who hears of the end of a task', () => {
  test('may detach the worker whose thread has just died', async () => {
    const { queue, worker } = await manual({ concurrency: 3 });
    const handles = ['a', 'b', 'c'].map((id) => queue.submit(nothing, [], { id, ...once }));
    await settled();
    let detached: Promise<unknown> | undefined;
    queue.once('failed', () => {
      detached = queue.detachWorker(worker, { crash: true });
    });
    worker.employer.lost(new WorkerLostError('it died'), []);
    expect(await detached).toEqual([]);
    expect(handles.map(({ state }) => state)).toEqual(['failed', 'queued', 'queued']);
    expect([queue.size, queue.pending, queue.workers()]).toEqual([2, 0, []]);
  });

  test('may cancel all that a worker leaves which is being detached', async () => {
    const worker = new Obedient({ concurrency: 3 });
    const queue = queueOf([worker]);
    await settled();
    const handles = ['a', 'b', 'c'].map((id) => queue.submit(nothing, [], { id }));
    await settled();
    queue.on('cancelled', () => void queue.cancelAll());
    expect(await queue.detachWorker(worker, { crash: true, reassign: false })).toEqual(handles.slice(0, 1));
    expect(handles.map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    expect([queue.size, queue.pending, queue.workers()]).toEqual([0, 0, []]);

    const next = new ManualWorker({ concurrency: 3 });
    await queue.attachWorker(next);
    queue.limit({ concurrency: 1 });
    for (const id of ['d', 'e']) queue.submit(nothing, [], { id });
    await settled();
    expect(next.given).toEqual(['d']);
  });

  test('may cancel all that has run out of time, by a worker that ends it at once', async () => {
    const worker = new Obedient({ concurrency: 2 });
    const queue = queueOf([worker]);
    await settled();
    const handles = ['a', 'b'].map((id) => queue.submit(nothing, [], { id, timeout: 1, retry: { timeout: 0 } }));
    queue.on('failed', () => void queue.cancelAll());
    await Promise.allSettled(handles.map(({ promise }) => promise));
    expect(handles.map(({ state }) => state)).toEqual(['failed', 'cancelled']);
    expect([queue.size, queue.pending]).toEqual([0, 0]);
  });
});

describe('Whoever is asked whether a task is to be run again', () => {
  for (const isWanted of [false, true]) {
    test(`may cancel it and say ${isWanted}`, async () => {
      const { queue, worker } = await manual();
      const ends: string[] = [];
      for (const event of ['failed', 'cancelled', 'retry'] as const) queue.on(event, () => void ends.push(event));
      const error = () => {
        handle.cancel();
        return isWanted;
      };
      const handle = queue.submit(nothing, [], { retry: { error } });
      await settled();
      worker.fail(new Error('x'));
      await settled();
      expect([handle.state, ends, queue.size, queue.pending]).toEqual(['cancelled', ['cancelled'], 0, 0]);
      expect((await errorOf(handle.promise)).code).toBe('ERR_TASK_CANCELLED');
      queue.submit(nothing, [], { id: 'next' });
      await settled();
      expect(worker.given).toHaveLength(2);
    });
  }
});

describe.each(['the policy', 'a listener', 'the delay'])('With a task that has failed, %s', (who) => {
  const ask = async (during: (queue: TaskQueue) => void, wait = 0) => {
    const { queue, worker } = await manual({ concurrency: 2 });
    const act = (name: string) => {
      if (name === who) during(queue);
    };
    queue.on('retry', () => act('a listener'));
    const error = () => {
      act('the policy');
      return true;
    };
    const delay = () => {
      act('the delay');
      return wait;
    };
    const handle = queue.submit(nothing, [], { series: 'asked', retry: { error, delay } });
    const other = queue.submit(nothing);
    await settled();
    worker.find(handle.id).fail(new Error('x'));
    await settled();
    return { queue, worker, handle, other };
  };

  test('may cancel all tasks, that one too', async () => {
    let count = 0;
    const { handle, other, queue } = await ask((queue) => {
      count = queue.cancelAll();
    });
    expect([count, handle.state, other.state]).toEqual([2, 'cancelled', 'cancelled']);
    expect([queue.size, queue.pending]).toEqual([0, 0]);
  });

  test('may cancel its series', async () => {
    let count = 0;
    const { handle, other } = await ask((queue) => {
      count = queue.cancelSeries('asked');
    });
    expect([count, handle.state, other.state]).toEqual([1, 'cancelled', 'running']);
  });

  test.each([0, 1000])('may begin to end the queue, so that it is not run again after %s ms', async (wait) => {
    let ended: Promise<unknown> | undefined;
    const { handle, worker, other } = await ask((queue) => {
      ended = queue.shutdown({ mode: 'finish' });
    }, wait);
    expect((await errorOf(handle.promise)).message).toBe('x');
    worker.find(other.id).done(1);
    expect(await ended).toEqual([]);
    expect([handle.state, worker.given]).toEqual(['failed', [handle.id, other.id]]);
  });

  test('may ask what its series does, also after it is over', async () => {
    const seen: unknown[] = [];
    const look = (queue: TaskQueue) =>
      void seen.push(queue.stats().series.find(({ series }) => series === 'asked')?.started ?? 0);
    await ask((queue) => {
      look(queue);
      queue.on('cancelled', () => look(queue));
      queue.cancelSeries('asked');
    });
    expect(seen).toEqual([1, 0]);
  });
});

test('A task that never began, and is in doubt, may be given another niceness', async () => {
  /** Says of nothing that it begins. */
  class Silent extends ManualWorker {
    override run(assignment: Assignment): void {
      this.held.push(assignment);
    }
  }
  const worker = new Silent({ concurrency: 1 });
  const queue = queueOf([worker]);
  await settled();
  const answers: boolean[] = [];
  const error = () => {
    answers.push(handle.renice(5));
    return true;
  };
  const handle = queue.submit(nothing, [], { retry: { error } });
  await settled();
  worker.held.shift()?.fail(new Error('x'));
  await settled();
  expect([answers, handle.niceness, worker.held.map(({ id }) => id)]).toEqual([[true], 5, [handle.id]]);
});

test('Those who listen to the progress of a task may add and remove others', async () => {
  const { queue, worker } = await manual();
  const handle = queue.submit(nothing);
  const heard: string[] = [];
  handle.onProgress(() => {
    heard.push('first');
    second();
    handle.onProgress(() => heard.push('third'));
  });
  const second = handle.onProgress(() => heard.push('second'));
  await settled();
  worker.find().progress(1);
  expect(heard).toEqual(['first']);
});

test('A task that a worker can not even begin counts as one that never began, however often it is tried', async () => {
  class Broken extends ManualWorker {
    override run(): void {
      throw new Error('not today');
    }
  }
  const queue = new TaskQueue({ workers: [new Broken()] });
  const handle = queue.submit(nothing, [], { retry: { error: 3 } });
  expect((await errorOf(handle.promise)).message).toBe('not today');
  expect([handle.attempts, queue.size, queue.pending]).toEqual([0, 0, 0]);
  await queue.onIdle();
});
