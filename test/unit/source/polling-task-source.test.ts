import { PollingTaskSource, type PollingTaskSourceOptions, type Product, type SourceTask } from 'niceq/source';
import { describe, expect, test, vi } from 'vitest';
import { type Deferred, deferred, FakeClock, LoggingConsumer, LoggingLogger, settle, stateOf } from './support.js';

function setUp(produce: PollingTaskSourceOptions['produce'] = () => null) {
  const clock = new FakeClock();
  const logger = new LoggingLogger();
  const consumer = new LoggingConsumer();
  const polls = vi.fn(produce);
  const source = new PollingTaskSource({ interval: 100, produce: polls, clock, logger });
  return { clock, logger, consumer, polls, source };
}

/** Each poll waits for a promise of its own. */
function setUpPending() {
  const pending: Deferred<Product>[] = [];
  const setup = setUp(() => {
    const poll = deferred<Product>();
    pending.push(poll);
    return poll.promise;
  });
  return { ...setup, pending };
}

const task: SourceTask = () => {};

describe('polling', () => {
  test('start polls at once, then every interval', () => {
    const { clock, consumer, polls, source } = setUp();
    source.start(consumer);
    expect(polls).toHaveBeenCalledTimes(1);
    clock.advance(99);
    expect(polls).toHaveBeenCalledTimes(1);
    clock.advance(1);
    expect(polls).toHaveBeenCalledTimes(2);
    clock.advance(300);
    expect(polls).toHaveBeenCalledTimes(5);
  });

  test.each([null, undefined])('%s from produce means noTasksFound', (nothing) => {
    const { consumer, source } = setUp(() => nothing);
    source.start(consumer);
    expect(consumer.log).toEqual([['noTasksFound']]);
  });

  test('a task from produce means taskStarted', () => {
    const { consumer, source } = setUp(() => task);
    source.start(consumer);
    expect(consumer.log).toEqual([['taskStarted', task]]);
  });

  test('a promise from produce is awaited before taskStarted', async () => {
    const { consumer, source, pending } = setUpPending();
    source.start(consumer);
    await settle();
    expect(consumer.log).toEqual([]);
    pending[0]?.resolve(task);
    await settle();
    expect(consumer.log).toEqual([['taskStarted', task]]);
  });

  test('start again polls at once and restarts the clock', () => {
    const { clock, consumer, polls, source } = setUp();
    source.start(consumer);
    clock.advance(60);
    source.start(consumer);
    expect(polls).toHaveBeenCalledTimes(2);
    clock.advance(99);
    expect(polls).toHaveBeenCalledTimes(2);
    clock.advance(1);
    expect(polls).toHaveBeenCalledTimes(3);
    expect(clock.timers).toBe(1);
  });

  test('start again switches to the new consumer', () => {
    const { clock, consumer, source } = setUp();
    const next = new LoggingConsumer();
    source.start(consumer);
    source.start(next);
    clock.advance(100);
    expect(consumer.log).toEqual([['noTasksFound']]);
    expect(next.log).toEqual([['noTasksFound'], ['noTasksFound']]);
  });

  test('a consumer that takes over during a poll hears of that poll too', async () => {
    const { consumer, source, pending } = setUpPending();
    const next = new LoggingConsumer();
    source.start(consumer);
    source.start(next);
    pending[0]?.resolve(task);
    await settle();
    expect([consumer.log, next.log]).toEqual([[], [['taskStarted', task]]]);
  });

  test('there is never a second poll while one is pending', async () => {
    const { clock, consumer, polls, source, pending } = setUpPending();
    source.start(consumer);
    clock.advance(1000);
    await settle();
    expect(polls).toHaveBeenCalledTimes(1);
    pending[0]?.resolve(null);
    await settle();
    expect(polls).toHaveBeenCalledTimes(1);
    clock.advance(100);
    expect(polls).toHaveBeenCalledTimes(2);
  });

  test('start during a poll polls again as soon as that has ended, once', async () => {
    const { consumer, polls, source, pending } = setUpPending();
    source.start(consumer);
    source.start(consumer);
    source.start(consumer);
    expect(polls).toHaveBeenCalledTimes(1);
    pending[0]?.resolve(null);
    await settle();
    expect(polls).toHaveBeenCalledTimes(2);
    pending[1]?.resolve(null);
    await settle();
    expect(polls).toHaveBeenCalledTimes(2);
  });

  test('a producer that always has a task exhausts neither the stack nor the event loop', async () => {
    let left = 50_000;
    const { consumer, polls, source } = setUp(() => (left-- > 0 ? task : null));
    consumer.taskStarted = () => source.start(consumer);
    source.start(consumer);
    expect(polls.mock.calls.length).toBeLessThan(1000);
    while (left > 0) await settle();
    expect(consumer.log).toEqual([['noTasksFound']]);
  });

  test('stop holds while the event loop has its turn', async () => {
    const { consumer, polls, source } = setUp(() => task);
    consumer.taskStarted = () => source.start(consumer);
    source.start(consumer);
    await expect(source.stop()).resolves.toBe(true);
    const count = polls.mock.calls.length;
    await settle();
    expect(polls).toHaveBeenCalledTimes(count);
  });
});

describe('stop', () => {
  test('ends polling', async () => {
    const { clock, consumer, polls, source } = setUp();
    source.start(consumer);
    await expect(source.stop()).resolves.toBe(true);
    expect(clock.timers).toBe(0);
    clock.advance(1000);
    expect(polls).toHaveBeenCalledTimes(1);
  });

  test('resolves when the poll under way has ended: true if still stopped', async () => {
    const { consumer, source, pending } = setUpPending();
    source.start(consumer);
    const stopped = source.stop();
    expect(await stateOf(stopped)).toBe('pending');
    pending[0]?.resolve(null);
    await expect(stopped).resolves.toBe(true);
  });

  test('resolves when the poll under way has ended: false if started meanwhile', async () => {
    const { consumer, source, pending } = setUpPending();
    source.start(consumer);
    const stopped = source.stop();
    source.start(consumer);
    pending[0]?.resolve(null);
    await expect(stopped).resolves.toBe(false);
  });

  test('from within taskStarted resolves when that has returned', async () => {
    const { consumer, source } = setUp(() => task);
    const answers: Promise<boolean>[] = [];
    consumer.taskStarted = () => {
      answers.push(source.stop());
    };
    source.start(consumer);
    expect(await Promise.all(answers)).toEqual([true]);
  });

  test('before start, or twice, is silent', async () => {
    const { consumer, source } = setUp();
    await expect(source.stop()).resolves.toBe(true);
    source.start(consumer);
    await expect(Promise.all([source.stop(), source.stop()])).resolves.toEqual([true, true]);
    await expect(source.stop()).resolves.toBe(true);
    expect(consumer.log).toEqual([['noTasksFound']]);
  });

  test('what a poll under way finds still arrives', async () => {
    const { consumer, source, pending } = setUpPending();
    source.start(consumer);
    const stopped = source.stop();
    pending[0]?.resolve(task);
    await stopped;
    expect(consumer.log).toEqual([['taskStarted', task]]);
  });

  test('stop, start, stop during a poll: no further poll', async () => {
    const { clock, consumer, polls, source, pending } = setUpPending();
    source.start(consumer);
    const answers = [source.stop()];
    source.start(consumer);
    answers.push(source.stop());
    pending[0]?.resolve(null);
    expect(await Promise.all(answers)).toEqual([true, true]);
    clock.advance(1000);
    await settle();
    expect(polls).toHaveBeenCalledTimes(1);
  });

  test('await using stops it', async () => {
    const { clock, consumer, polls, source } = setUp();
    {
      await using used = source;
      used.start(consumer);
    }
    clock.advance(1000);
    expect(polls).toHaveBeenCalledTimes(1);
  });
});

describe('the consumer', () => {
  test.each(['taskStarted', 'taskProductionFailed'] as const)('what %s returns delays nothing', async (method) => {
    const { clock, consumer, polls, source } = setUp(() => {
      if (method === 'taskStarted') return task;
      throw new Error('no database');
    });
    consumer[method] = () => new Promise(() => {});
    source.start(consumer);
    await expect(source.stop()).resolves.toBe(true);
    source.start(consumer);
    clock.advance(100);
    expect(polls).toHaveBeenCalledTimes(3);
  });

  test('one that throws disturbs nothing: its error goes to the logger', async () => {
    const { clock, consumer, logger, polls, source } = setUp(() => task);
    const errors = [new Error('thrown'), new Error('rejected')];
    consumer.taskStarted = vi
      .fn()
      .mockImplementationOnce(() => {
        throw errors[0];
      })
      .mockRejectedValueOnce(errors[1]);
    source.start(consumer);
    clock.advance(200);
    await settle();
    expect(polls).toHaveBeenCalledTimes(3);
    expect(logger.log).toEqual(errors.map((error) => ['error', '`taskStarted` of the consumer threw', error]));
    expect(consumer.log).toEqual([]);
  });

  test('nor does a logger that throws: it is rethrown in a macrotask of its own', () => {
    vi.useFakeTimers({ toFake: ['setImmediate'] });
    try {
      const { consumer, logger, polls, source } = setUp(() => task);
      consumer.taskStarted = () => {
        throw new Error('thrown');
      };
      Object.assign(logger, {
        error: () => {
          throw new Error('disk full');
        },
      });
      source.start(consumer);
      source.start(consumer);
      expect(polls).toHaveBeenCalledTimes(2);
      expect(() => vi.runAllTimers()).toThrow('disk full');
    } finally {
      vi.useRealTimers();
    }
  });

  test('without a logger its error is rethrown in a macrotask of its own', () => {
    vi.useFakeTimers({ toFake: ['setImmediate'] });
    try {
      const consumer = new LoggingConsumer();
      consumer.taskStarted = () => {
        throw new Error('thrown');
      };
      new PollingTaskSource({ interval: 100, produce: () => task, clock: new FakeClock() }).start(consumer);
      expect(() => vi.runAllTimers()).toThrow('thrown');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('production that fails', () => {
  const error = new Error('no database');

  test.each([
    [
      'throwing',
      () => {
        throw error;
      },
    ],
    ['rejecting', () => Promise.reject(error)],
  ])('produce %s means taskProductionFailed once, with that error', async (_, produce) => {
    const { consumer, source } = setUp(produce);
    source.start(consumer);
    await settle();
    expect(consumer.log).toEqual([['taskProductionFailed', error]]);
    expect(consumer.log[0]?.[1]).toBe(error);
  });

  test('the next poll comes after the interval', async () => {
    const { clock, consumer, source } = setUp(
      vi
        .fn<() => Product>(() => task)
        .mockImplementationOnce(() => {
          throw error;
        }),
    );
    source.start(consumer);
    clock.advance(100);
    expect(consumer.log).toEqual([
      ['taskProductionFailed', error],
      ['taskStarted', task],
    ]);
  });

  test('what is no task is a TypeError', () => {
    const { consumer, source } = setUp(() => 42 as unknown as Product);
    source.start(consumer);
    expect(consumer.log).toEqual([
      ['taskProductionFailed', new TypeError('Expected `task` to be a function, null or undefined, got `42` (number)')],
    ]);
  });

  test('a thenable that calls back twice counts once', async () => {
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is tested
      then(resolve: (product: Product) => void) {
        resolve(task);
        resolve(task);
      },
    };
    const { consumer, source } = setUp(() => thenable as PromiseLike<Product>);
    source.start(consumer);
    await settle();
    expect(consumer.log).toEqual([['taskStarted', task]]);
  });
});

describe('its signal', () => {
  test('is a failure of production that lasts, told at once', () => {
    const { clock, consumer, polls } = setUp();
    const abort = new AbortController();
    const source = new PollingTaskSource({ interval: 100, produce: polls, clock, signal: abort.signal });
    source.start(consumer);
    abort.abort('enough');
    expect(clock.timers).toBe(0);
    source.start(consumer);
    expect(polls).toHaveBeenCalledTimes(1);
    expect(clock.timers).toBe(0);
    expect(consumer.log).toEqual([
      ['noTasksFound'],
      ['taskProductionFailed', 'enough'],
      ['taskProductionFailed', 'enough'],
    ]);
  });

  test('says nothing to a source that is stopped', () => {
    const { clock, consumer } = setUp();
    const abort = new AbortController();
    const source = new PollingTaskSource({ interval: 100, produce: () => null, clock, signal: abort.signal });
    source.start(consumer);
    void source.stop();
    abort.abort();
    expect(consumer.log).toEqual([['noTasksFound']]);
  });
});

test("without a clock it uses Node's timers", () => {
  vi.useFakeTimers();
  try {
    const produce = vi.fn(() => null);
    const source = new PollingTaskSource({ interval: 100, produce });
    source.start(new LoggingConsumer());
    vi.advanceTimersByTime(250);
    expect(produce).toHaveBeenCalledTimes(3);
    void source.stop();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

const nothing = (): null => null;

test.each([
  [{ interval: 0, produce: nothing }, 'Expected `interval` to be a number of milliseconds, more than 0'],
  [{ interval: '1', produce: nothing }, 'Expected `interval` to be a number of milliseconds, more than 0'],
  [{ interval: 1, produce: null }, 'Expected `produce` to be a function, got `null` (object)'],
  [{ interval: 1, produce: nothing, clock: {} }, 'Expected `clock.setTimeout` to be a function'],
  [{ interval: 1, produce: nothing, logger: {} }, 'Expected `logger.debug` to be a function'],
  [{ interval: 1, produce: nothing, signal: {} }, 'Expected `signal` to be an AbortSignal'],
  [undefined, 'Expected `options` to be an object'],
])('refuses %j', (options, message) => {
  expect(() => new PollingTaskSource(options as unknown as PollingTaskSourceOptions)).toThrow(message);
});
