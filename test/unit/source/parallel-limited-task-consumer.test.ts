import { Readable } from 'node:stream';
import { AsyncQueue, QueueClosedError, TaskQueue } from 'niceq';
import {
  AlreadyRunningError,
  NotRunningError,
  ParallelLimitedTaskConsumer,
  type ParallelLimitedTaskConsumerOptions,
  PollingTaskSource,
  type SourceTask,
  type TaskSource,
} from 'niceq/source';
import { describe, expect, test, vi } from 'vitest';
import { failures } from '../failures.js';
import { type Deferred, deferred, FakeClock, LoggingLogger, LoggingSource, settle, stateOf } from './support.js';

function setUp(limit = 2) {
  const logger = new LoggingLogger();
  const consumer = new ParallelLimitedTaskConsumer({ limit, logger });
  const source = new LoggingSource();
  const done = consumer.consume(source);
  const start = ['start', consumer];
  source.log.length = 0;
  return { logger, consumer, source, done, start };
}

/** A task that ends when it is told to. */
function pendingTask(): { task: SourceTask } & Deferred<void> {
  const ended = deferred();
  return { ...ended, task: () => ended.promise };
}

const finishedTask: SourceTask = () => {};

describe('consume', () => {
  test('starts the source with itself', () => {
    const consumer = new ParallelLimitedTaskConsumer({ limit: 1 });
    const source = new LoggingSource();
    void consumer.consume(source);
    expect(source.log).toEqual([['start', consumer]]);
  });

  test('is not done right after', async () => {
    const { done } = setUp();
    expect(await stateOf(done)).toBe('pending');
  });

  test('a second consume is an AlreadyRunningError, also after the first has ended', async () => {
    const { consumer, source, done } = setUp();
    await expect(consumer.consume(source)).rejects.toThrow(AlreadyRunningError);
    consumer.noTasksFound();
    await done;
    await expect(consumer.consume(source)).rejects.toMatchObject({
      name: 'AlreadyRunningError',
      code: 'ERR_ALREADY_RUNNING',
    });
  });

  test.each([
    ['taskStarted', (consumer: ParallelLimitedTaskConsumer) => consumer.taskStarted(finishedTask)],
    ['noTasksFound', (consumer: ParallelLimitedTaskConsumer) => consumer.noTasksFound()],
    [
      'taskProductionFailed',
      (consumer: ParallelLimitedTaskConsumer) => consumer.taskProductionFailed(new Error('no database')),
    ],
  ])('%s before consume is a NotRunningError', (method, call) => {
    const consumer = new ParallelLimitedTaskConsumer({ limit: 1 });
    expect(() => call(consumer)).toThrow(NotRunningError);
    expect(() => call(consumer)).toThrow(
      `\`${method}\` was called before \`consume\`: only a source that was started may call it`,
    );
  });

  test('refuses what is no source, and may be called again with one', async () => {
    const consumer = new ParallelLimitedTaskConsumer({ limit: 1 });
    for (const wrong of [null, 42, 'text', {}, { start() {} }]) {
      await expect(consumer.consume(wrong as unknown as TaskSource)).rejects.toThrow(
        'Expected `source` to be a task source or an iterable of tasks',
      );
    }
    await consumer.consume([finishedTask]);
  });

  test('rejects with what the start of the source throws', async () => {
    const consumer = new ParallelLimitedTaskConsumer({ limit: 1 });
    const source = new LoggingSource();
    source.start = () => {
      throw new Error('no such table');
    };
    await expect(consumer.consume(source)).rejects.toThrow('no such table');
  });

  test('rejects with what stopping the source throws, once no task runs', async () => {
    const { consumer, source, done } = setUp(1);
    const one = pendingTask();
    source.answer = Promise.reject(new Error('connection lost'));
    consumer.taskStarted(one.task);
    expect(await stateOf(done)).toBe('pending');
    one.resolve();
    await expect(done).rejects.toThrow('connection lost');
  });
});

describe('taskStarted', () => {
  test('counts the task', () => {
    const { consumer } = setUp();
    expect(consumer.running).toBe(0);
    consumer.taskStarted(pendingTask().task);
    expect(consumer.running).toBe(1);
  });

  test('below the limit starts the source again before it runs the task', () => {
    const { consumer, source, start } = setUp();
    consumer.taskStarted(() => {
      source.log.push('task');
    });
    expect(source.log).toEqual([start, 'task']);
  });

  test('at the limit stops the source and runs the task', () => {
    const { consumer, source } = setUp(1);
    consumer.taskStarted(() => {
      source.log.push('task');
    });
    expect(source.log).toEqual(['stop', 'task']);
  });

  test('over-limit tasks still run, and the source is stopped again', () => {
    const { consumer, source } = setUp(1);
    const tasks = [vi.fn(), vi.fn(), vi.fn()];
    for (const task of tasks) consumer.taskStarted(task);
    for (const task of tasks) expect(task).toHaveBeenCalledOnce();
    expect(source.log).toEqual(['stop', 'stop', 'stop']);
  });

  test.each(failures(new Error('bad row')))(
    'a task that %s ends, and its error is logged and swallowed',
    async (_, task) => {
      const { consumer, logger, source, done, start } = setUp();
      consumer.taskStarted(task);
      await settle();
      expect(logger.log).toEqual([['error', 'A task failed', new Error('bad row')]]);
      expect(consumer.running).toBe(0);
      expect(source.log).toEqual([start, start]);
      expect(await stateOf(done)).toBe('pending');
    },
  );

  test('refuses what is no task', () => {
    const { consumer } = setUp();
    expect(() => consumer.taskStarted(null as unknown as SourceTask)).toThrow('Expected `task` to be a function');
    expect(consumer.running).toBe(0);
  });
});

describe("a task's end", () => {
  test('is one fewer, and below the limit the source is started again', async () => {
    const { consumer, source, start } = setUp(1);
    const one = pendingTask();
    consumer.taskStarted(one.task);
    expect(source.log).toEqual(['stop']);
    one.resolve();
    await settle();
    expect(consumer.running).toBe(0);
    expect(source.log).toEqual(['stop', start]);
  });

  test('at or above the limit starts nothing', async () => {
    const { consumer, source, start } = setUp(1);
    const tasks = [pendingTask(), pendingTask()];
    for (const { task } of tasks) consumer.taskStarted(task);
    tasks[0]?.resolve();
    await settle();
    expect(source.log).toEqual(['stop', 'stop']);
    tasks[1]?.resolve();
    await settle();
    expect(source.log).toEqual(['stop', 'stop', start]);
  });

  test('is not the end of the run', async () => {
    const { consumer, done } = setUp();
    consumer.taskStarted(finishedTask);
    expect(await stateOf(done)).toBe('pending');
  });
});

describe('noTasksFound', () => {
  test('with nothing running stops, and is done when stop() says true', async () => {
    const { consumer, source, done } = setUp();
    const stopped = deferred<boolean>();
    source.answer = stopped.promise;
    consumer.noTasksFound();
    expect(source.log).toEqual(['stop']);
    expect(await stateOf(done)).toBe('pending');
    stopped.resolve(true);
    expect(await stateOf(done)).toBe('done');
    expect(source.log).toEqual(['stop']);
  });

  test('is not done when stop() says false', async () => {
    const { consumer, source, done } = setUp();
    source.answer = Promise.resolve(false);
    consumer.noTasksFound();
    expect(await stateOf(done)).toBe('pending');
    source.answer = Promise.resolve(true);
    consumer.noTasksFound();
    expect(await stateOf(done)).toBe('done');
  });

  test('with tasks running is not done, and does not stop the source', async () => {
    const { consumer, source, done, start } = setUp();
    consumer.taskStarted(pendingTask().task);
    consumer.noTasksFound();
    expect(source.log).toEqual([start]);
    expect(await stateOf(done)).toBe('pending');
  });

  test('is not done when a task has come before stop() said true', async () => {
    const { consumer, source, done } = setUp(1);
    const stopped = deferred<boolean>();
    source.answer = stopped.promise;
    consumer.noTasksFound();
    const one = pendingTask();
    consumer.taskStarted(one.task);
    stopped.resolve(true);
    expect(await stateOf(done)).toBe('pending');
    one.resolve();
    await settle();
    consumer.noTasksFound();
    expect(await stateOf(done)).toBe('done');
  });

  test('is not done when a task has come and gone before stop() said true', async () => {
    const { consumer, source, done, start } = setUp();
    const stopped = deferred<boolean>();
    source.answer = stopped.promise;
    consumer.noTasksFound();
    consumer.taskStarted(finishedTask);
    await settle();
    stopped.resolve(true);
    expect(await stateOf(done)).toBe('pending');
    expect(source.log).toEqual(['stop', start, start]);
  });
});

describe('taskProductionFailed', () => {
  const error = new Error('no database');

  test('with nothing running stops the source and is done', async () => {
    const { consumer, source, done } = setUp();
    consumer.taskProductionFailed(error);
    expect(source.log).toEqual(['stop']);
    expect(await stateOf(done)).toBe('done');
    expect(source.log).toEqual(['stop']);
  });

  test('with tasks running stops the source, and the next completion starts it again', async () => {
    const { consumer, source, done, start } = setUp(3);
    const tasks = [pendingTask(), pendingTask()];
    for (const { task } of tasks) consumer.taskStarted(task);
    source.log.length = 0;
    consumer.taskProductionFailed(error);
    expect(await stateOf(done)).toBe('pending');
    expect(source.log).toEqual(['stop']);
    tasks[0]?.resolve();
    await settle();
    expect(source.log).toEqual(['stop', start]);
    expect(await stateOf(done)).toBe('pending');
  });

  test('is the lastError, and logged as a warning', () => {
    const { consumer, logger } = setUp();
    expect(consumer.lastError).toBeUndefined();
    consumer.taskStarted(pendingTask().task);
    consumer.taskProductionFailed(new Error('first'));
    consumer.taskProductionFailed(error);
    expect(consumer.lastError).toBe(error);
    expect(logger.log.at(-1)).toEqual(['warn', 'Looking for a task failed', error]);
  });

  test('a failure that passes is retried, one that lasts ends the run', async () => {
    const answers: (SourceTask | Error)[] = [];
    const produce = vi.fn(() => {
      const answer = answers.shift() ?? error;
      if (answer instanceof Error) throw answer;
      return answer;
    });
    const tasks = [pendingTask(), pendingTask(), pendingTask()] as const;
    answers.push(tasks[0].task, tasks[1].task, error, tasks[2].task);
    const consumer = new ParallelLimitedTaskConsumer({ limit: 5 });
    const clock = new FakeClock();
    const done = consumer.consume(new PollingTaskSource({ interval: 10, produce, clock }));
    await settle();
    expect([consumer.running, produce.mock.calls.length]).toEqual([2, 3]);
    clock.advance(1000);
    expect(produce).toHaveBeenCalledTimes(3);
    tasks[0].resolve();
    await settle();
    // The failure has passed: one more task, and the failures from now on last.
    expect([consumer.running, produce.mock.calls.length]).toEqual([2, 5]);
    tasks[1].resolve();
    await settle();
    expect([consumer.running, produce.mock.calls.length]).toEqual([1, 6]);
    expect(await stateOf(done)).toBe('pending');
    tasks[2].resolve();
    expect(await stateOf(done)).toBe('done');
    expect(produce).toHaveBeenCalledTimes(7);
    expect(consumer.lastError).toBe(error);
    expect(clock.timers).toBe(0);
  });
});

describe('the end', () => {
  test('comes exactly once, and the source is left alone afterwards', async () => {
    const { consumer, source, done } = setUp();
    const ended = vi.fn();
    void done.then(ended);
    consumer.noTasksFound();
    consumer.noTasksFound();
    consumer.taskProductionFailed(new Error('no database'));
    await settle();
    const count = source.log.length;
    const late = vi.fn();
    consumer.noTasksFound();
    consumer.taskProductionFailed(new Error('no database'));
    consumer.taskStarted(late);
    await settle();
    expect(ended).toHaveBeenCalledOnce();
    expect(late).toHaveBeenCalledOnce();
    expect(source.log).toHaveLength(count);
  });
});

describe('its signal', () => {
  test('aborted before: rejects with the reason, starts nothing', async () => {
    const consumer = new ParallelLimitedTaskConsumer({ limit: 1 });
    const source = new LoggingSource();
    await expect(consumer.consume(source, { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
    expect(source.log).toEqual([]);
  });

  test('rejects at once, stops the source and runs no more', async () => {
    const consumer = new ParallelLimitedTaskConsumer({ limit: 3 });
    const source = new LoggingSource();
    const abort = new AbortController();
    const done = consumer.consume(source, { signal: abort.signal });
    const one = pendingTask();
    consumer.taskStarted(one.task);
    source.log.length = 0;
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(done).rejects.toBe(reason);
    expect(source.log).toEqual(['stop']);
    const late = vi.fn();
    consumer.taskStarted(late);
    one.resolve();
    await settle();
    expect(late).not.toHaveBeenCalled();
    expect(source.log).toEqual(['stop']);
  });

  test('cancels what runs through a queue, and logs nothing of it', async () => {
    const queue = new AsyncQueue({ concurrency: 1 });
    const logger = new LoggingLogger();
    const consumer = new ParallelLimitedTaskConsumer({ limit: 3, queue, logger });
    const abort = new AbortController();
    const one = pendingTask();
    const waiting = vi.fn();
    const done = consumer.consume([one.task, waiting], { signal: abort.signal });
    await settle();
    abort.abort('enough');
    await expect(done).rejects.toBe('enough');
    expect(queue.size).toBe(0);
    one.resolve();
    await queue.shutdown();
    expect(waiting).not.toHaveBeenCalled();
    expect(consumer.running).toBe(0);
    expect(logger.log).toEqual([]);
  });

  test('is let go of when the run has ended', async () => {
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    await new ParallelLimitedTaskConsumer({ limit: 1 }).consume([], { signal });
    expect(removed).toHaveBeenCalledOnce();
  });
});

describe('await using', () => {
  test('stops the source, waits for running tasks, and consume resolves', async () => {
    const { consumer, source, done } = setUp();
    const [one, late] = [pendingTask(), pendingTask()];
    consumer.taskStarted(one.task);
    source.log.length = 0;
    const stopped = deferred<boolean>();
    source.answer = stopped.promise;
    const disposed = consumer[Symbol.asyncDispose]();
    consumer.taskStarted(late.task);
    stopped.resolve(true);
    one.resolve();
    expect(await stateOf(disposed)).toBe('pending');
    expect(await stateOf(done)).toBe('pending');
    late.resolve();
    await Promise.all([disposed, done]);
    expect(source.log).toEqual(['stop']);
  });

  test('waits for what an aborted run has left behind', async () => {
    const consumer = new ParallelLimitedTaskConsumer({ limit: 1 });
    const abort = new AbortController();
    const one = pendingTask();
    const done = consumer.consume([one.task], { signal: abort.signal });
    await settle();
    abort.abort('enough');
    await expect(done).rejects.toBe('enough');
    const disposed = consumer[Symbol.asyncDispose]();
    expect(await stateOf(disposed)).toBe('pending');
    one.resolve();
    await disposed;
  });

  test('of a consumer that was never used, or has ended, ends at once', async () => {
    await using unused = new ParallelLimitedTaskConsumer({ limit: 1 });
    await using ended = new ParallelLimitedTaskConsumer({ limit: 1 });
    await ended.consume([finishedTask]);
    expect(unused.running).toBe(0);
  });
});

describe('with a queue', () => {
  test('runs the tasks through it, with series and niceness', async () => {
    const queue = new AsyncQueue();
    const started: unknown[] = [];
    queue.on('started', ({ series, niceness }) => started.push({ series, niceness }));
    const consumer = new ParallelLimitedTaskConsumer({ limit: 2, queue, options: { series: 'mail', niceness: 5 } });
    const results: number[] = [];
    await consumer.consume([1, 2, 3].map((n) => () => results.push(n)));
    expect(results).toEqual([1, 2, 3]);
    expect(started).toEqual(Array.from({ length: 3 }, () => ({ series: 'mail', niceness: 5 })));
  });

  test('puts no more than the limit into it', async () => {
    const queue = new AsyncQueue({ autoStart: false });
    const consumer = new ParallelLimitedTaskConsumer({ limit: 3, queue });
    const task = vi.fn();
    const done = consumer.consume(Array.from({ length: 10 }, () => task));
    await settle();
    expect(queue.size).toBe(3);
    queue.resume();
    await done;
    expect(task).toHaveBeenCalledTimes(10);
  });

  test('waits for room in a queue that is full, and loses no task', async () => {
    const queue = new AsyncQueue({ concurrency: 1, maxQueued: 1 });
    const consumer = new ParallelLimitedTaskConsumer({ limit: 5, queue });
    const seen: number[] = [];
    await consumer.consume(
      Array.from({ length: 20 }, (_, n) => async () => {
        await settle();
        seen.push(n);
      }),
    );
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  test('a queue that was shut down ends the run', async () => {
    const queue = new AsyncQueue();
    await queue.shutdown();
    const consumer = new ParallelLimitedTaskConsumer({ limit: 2, queue });
    let pulled = 0;
    function* tasks() {
      for (;;) {
        pulled++;
        yield finishedTask;
      }
    }
    await expect(consumer.consume(tasks())).rejects.toThrow(QueueClosedError);
    expect(pulled).toBeLessThan(5);
  });

  test('what a task rejects with from a closed queue of its own is only an error of that task', async () => {
    const other = new AsyncQueue();
    await other.shutdown();
    const consumer = new ParallelLimitedTaskConsumer({ limit: 1, queue: new AsyncQueue() });
    await consumer.consume([() => other.call(() => 1), finishedTask]);
  });

  test('what is wrong with the options of the calls is refused at once', () => {
    const settings = { limit: 1, queue: new AsyncQueue(), options: { niceness: 99 } };
    expect(() => new ParallelLimitedTaskConsumer(settings)).toThrow(RangeError);
  });
});

describe('an iterable', () => {
  /** Makes `count` tasks that note how many run at a time. */
  function* measured(count: number, peak: { running: number; most: number; ended: number }): Generator<SourceTask> {
    for (let i = 0; i < count; i++) {
      yield async () => {
        peak.running++;
        peak.most = Math.max(peak.most, peak.running);
        await settle();
        peak.running--;
        peak.ended++;
      };
    }
  }

  test.each([
    ['array', (tasks: Generator<SourceTask>) => [...tasks]],
    ['generator', (tasks: Generator<SourceTask>) => tasks],
    [
      'async generator',
      async function* (tasks: Generator<SourceTask>) {
        yield* tasks;
      },
    ],
    ['Node Readable', (tasks: Generator<SourceTask>) => Readable.from(tasks)],
    [
      'web ReadableStream',
      (tasks: Generator<SourceTask>) => Readable.toWeb(Readable.from(tasks)) as AsyncIterable<SourceTask>,
    ],
  ])('of the kind %s is run with the same limit', async (_, make) => {
    const peak = { running: 0, most: 0, ended: 0 };
    await new ParallelLimitedTaskConsumer({ limit: 3 }).consume(make(measured(20, peak)));
    expect(peak).toEqual({ running: 0, most: 3, ended: 20 });
  });

  test('of none at all is done', async () => {
    await new ParallelLimitedTaskConsumer({ limit: 1 }).consume([]);
  });

  test('may hold promises of tasks', async () => {
    const task = vi.fn();
    await new ParallelLimitedTaskConsumer({ limit: 1 }).consume([Promise.resolve(task), task]);
    expect(task).toHaveBeenCalledTimes(2);
  });

  test('is pulled only as places become free', async () => {
    let pulled = 0;
    const tasks = Array.from({ length: 5 }, pendingTask);
    function* source() {
      for (const { task } of tasks) {
        pulled++;
        yield task;
      }
    }
    const done = new ParallelLimitedTaskConsumer({ limit: 2 }).consume(source());
    await settle();
    expect(pulled).toBe(2);
    tasks[0]?.resolve();
    await settle();
    expect(pulled).toBe(3);
    for (const { resolve } of tasks) resolve();
    await done;
    expect(pulled).toBe(5);
  });

  test('an error of it ends it: what runs is finished, and lastError tells', async () => {
    const error = new Error('bad line');
    const ended = vi.fn();
    async function* source() {
      yield async () => {
        await settle();
        ended();
      };
      throw error;
    }
    const consumer = new ParallelLimitedTaskConsumer({ limit: 2 });
    await consumer.consume(source());
    expect(ended).toHaveBeenCalledOnce();
    expect(consumer.lastError).toBe(error);
  });

  test('what is no task in it is an error of production', async () => {
    const consumer = new ParallelLimitedTaskConsumer({ limit: 2 });
    const task = vi.fn();
    const one = pendingTask();
    const done = consumer.consume([one.task, null as unknown as SourceTask, task]);
    await settle();
    expect(task).not.toHaveBeenCalled();
    one.resolve();
    await done;
    expect(task).toHaveBeenCalledOnce();
    expect(consumer.lastError).toBeInstanceOf(TypeError);
  });

  test('is closed when the run is aborted', async () => {
    const closed = vi.fn();
    function* source() {
      try {
        for (;;) yield () => new Promise(() => {});
      } finally {
        closed();
      }
    }
    const abort = new AbortController();
    const done = new ParallelLimitedTaskConsumer({ limit: 2 }).consume(source(), { signal: abort.signal });
    await settle();
    abort.abort('enough');
    await expect(done).rejects.toBe('enough');
    expect(closed).toHaveBeenCalledOnce();
  });

  test.each(['abort', 'await using'])('a Readable that has nothing to read is destroyed on %s', async (how) => {
    const stream = new Readable({ objectMode: true, read() {} });
    const abort = new AbortController();
    const consumer = new ParallelLimitedTaskConsumer({ limit: 2 });
    const done = consumer.consume(stream, { signal: abort.signal });
    await settle();
    if (how === 'abort') {
      abort.abort('enough');
      await expect(done).rejects.toBe('enough');
    } else {
      await consumer[Symbol.asyncDispose]();
      await done;
    }
    expect(stream.destroyed).toBe(true);
    expect(consumer.lastError).toBeUndefined();
  });

  test('that never ends, of tasks that never wait, leaves the event loop its turns', async () => {
    function* source() {
      for (;;) yield finishedTask;
    }
    const abort = new AbortController();
    const done = new ParallelLimitedTaskConsumer({ limit: 3 }).consume(source(), { signal: abort.signal });
    await settle();
    abort.abort('enough');
    await expect(done).rejects.toBe('enough');
  });
});

test.each([
  [{ limit: 0 }, 'Expected `limit` to be an integer from 1 up, or Infinity, got `0` (number)'],
  [{ limit: 1.5 }, 'Expected `limit` to be an integer from 1 up'],
  [{}, 'Expected `limit` to be an integer from 1 up, or Infinity, got `undefined` (undefined)'],
  [{ limit: 1, queue: {} }, 'Expected `queue` to be a TaskQueue'],
  [{ limit: 1, options: {} }, 'Expected a `queue` for the `options`'],
  [{ limit: 1, queue: new TaskQueue(), options: 1 }, 'Expected `options` to be an object'],
  [{ limit: 1, logger: console.log }, 'Expected `logger` to be an object'],
])('refuses %j', (options, message) => {
  expect(() => new ParallelLimitedTaskConsumer(options as unknown as ParallelLimitedTaskConsumerOptions)).toThrow(
    message,
  );
});
