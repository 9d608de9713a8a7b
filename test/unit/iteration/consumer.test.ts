import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { AsyncQueue, type Consumer, type TaskHandle, taskContext } from 'niceq';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { deferred } from '../deferred.js';
import { errorOf, nothing, settled } from '../queue/helpers.js';

const evil = new Error('evil');

async function endedWritable(options = {}): Promise<Writable> {
  const stream = new Writable({ write: (_chunk, _encoding, callback) => callback(), ...options });
  stream.end();
  await once(stream, 'finish');
  await settled();
  return stream;
}

function destroyedWritable(error?: Error): Writable {
  const stream = new Writable();
  stream.on('error', nothing);
  return stream.destroy(error);
}

const unwritable: [state: string, make: () => Promise<Consumer> | Consumer, message: string][] = [
  ['a Writable that has ended', endedWritable, 'got one that was'],
  ['a Writable that has ended and is not destroyed', () => endedWritable({ autoDestroy: false }), 'was ended'],
  ['a Writable that is ending', () => new Writable({ final: nothing }).end(), 'was ended'],
  ['a destroyed Writable', () => destroyedWritable(), 'was destroyed'],
  ['a Writable that is destroyed and does not say so', () => new Writable({ emitClose: false }).destroy(), 'destroyed'],
  ['a Writable that has failed', () => destroyedWritable(evil), 'evil'],
  [
    'a closed WritableStream',
    async () => {
      const stream = new WritableStream();
      await stream.close();
      return stream;
    },
    'was closed',
  ],
  [
    'a locked WritableStream',
    () => {
      const stream = new WritableStream();
      stream.getWriter();
      return stream;
    },
    'is locked by another writer',
  ],
  [
    'a WritableStream that has failed',
    () => new WritableStream({ start: (controller) => controller.error(evil) }),
    'evil',
  ],
];

const results: [what: string, task: () => unknown][] = [
  ['items', () => [1, 2].values()],
  ['no items', () => [].values()],
  ['a value', () => 5],
];

describe.each(unwritable)('%s', (_, make, message) => {
  test.each(results)('rejects the call that gives it %s', async (_, task) => {
    const queue = new AsyncQueue();
    const error = await errorOf(queue.call(task, [], { consumer: await make() }));
    expect(error.message).toContain(message);
    await queue.onIdle();
    expect(await queue.shutdown()).toEqual([]);
  });

  test('hides no error of the task', async () => {
    const task = () => {
      throw evil;
    };
    expect(await errorOf(new AsyncQueue().call(task, [], { consumer: await make() }))).toBe(evil);
    await settled();
  });
});

/** What happens to a stream while the task makes its second item. */
const mishaps: [what: string, make: () => { consumer: Consumer; act: () => unknown }, message: string][] = [
  [
    'is ended',
    () => {
      const consumer = new PassThrough({ objectMode: true });
      return { consumer, act: () => consumer.end() };
    },
    'was ended',
  ],
  [
    'is destroyed',
    () => {
      const consumer = new PassThrough({ objectMode: true });
      return { consumer, act: () => consumer.destroy() };
    },
    'Premature close',
  ],
  [
    'fails',
    () => {
      const consumer = new PassThrough({ objectMode: true });
      return { consumer, act: () => consumer.destroy(evil) };
    },
    'evil',
  ],
  [
    'fails, of the web,',
    () => {
      let fail = nothing;
      const consumer = new WritableStream({
        start(controller) {
          fail = () => controller.error(evil);
        },
      });
      return { consumer, act: () => fail() };
    },
    'evil',
  ],
];

test.each(mishaps)('A stream that %s while an item is made stops the task at once', async (_, make, message) => {
  const isMaking = deferred();
  let signal: AbortSignal | undefined;
  async function* task() {
    yield 1;
    isMaking.resolve();
    await new Promise(nothing);
  }
  const { consumer, act } = make();
  const queue = new AsyncQueue();
  const call = errorOf(
    queue.call(
      () => {
        ({ signal } = taskContext());
        return task();
      },
      [],
      { consumer },
    ),
  );
  await isMaking.promise;
  act();
  expect((await call).message).toContain(message);
  expect(signal?.aborted).toBe(true);
  expect(await queue.shutdown()).toEqual([]);
});

test('A Writable that is ended while an item is made settles the call also when that was the last', async () => {
  const consumer = new Writable({ objectMode: true, write: (_item, _encoding, callback) => callback() });
  async function* task() {
    yield 1;
    consumer.end();
  }
  expect((await errorOf(new AsyncQueue().call(task, [], { consumer }))).message).toContain('was ended');
});

test('A Writable that is destroyed without a word while it finishes settles the call', async () => {
  const consumer: Writable = new Writable({
    objectMode: true,
    emitClose: false,
    write: (_item, _encoding, callback) => callback(),
    final: () => void consumer.destroy(),
  });
  const call = new AsyncQueue().call(() => [1].values(), [], { consumer });
  expect(await errorOf(call)).toMatchObject({ code: 'ERR_STREAM_DESTROYED' });
});

test('A Writable whose write fails is destroyed, with the error of the call', async () => {
  const consumer = new Writable({
    objectMode: true,
    autoDestroy: false,
    write: (_item, _encoding, callback) => callback(evil),
  });
  expect(await errorOf(new AsyncQueue().call(() => [1, 2].values(), [], { consumer }))).toBe(evil);
  expect(consumer.destroyed).toBe(true);
});

/** Consumers that take an item, or the end, and never say that they have. */
const stalled: [what: string, make: (told: (error: unknown) => void) => Consumer][] = [
  [
    'A Writable',
    (told) =>
      new Writable({
        objectMode: true,
        highWaterMark: 1,
        write: nothing,
        final: nothing,
        destroy(error, callback) {
          told(error);
          callback(error);
        },
      }),
  ],
  [
    'A WritableStream',
    (told) => {
      const stall = () => new Promise<void>(nothing);
      return new WritableStream({
        start(controller) {
          // The types of Node don't tell of it.
          const { signal } = controller as unknown as { signal: AbortSignal };
          signal.addEventListener('abort', () => told(signal.reason));
        },
        write: stall,
        close: stall,
      });
    },
  ],
  ['An object', (abort) => ({ write: () => new Promise(nothing), end: () => new Promise(nothing), abort })],
];

interface Fed {
  readonly queue: AsyncQueue;
  readonly handle: TaskHandle;
  readonly controller: AbortController;
}

const ends: [how: string, act: (fed: Fed) => unknown][] = [
  ['is cancelled', ({ handle }) => handle.cancel()],
  ['is aborted', ({ controller }) => controller.abort()],
  ['ends with its queue', ({ queue }) => queue.shutdown({ mode: 'crash' })],
];

describe.each(stalled)('%s that stalls hears of it when its call', (_, make) => {
  test.each(ends)('%s, whatever it was given last', async (_, act) => {
    const over = deferred();
    function* items() {
      try {
        while (true) yield 1;
      } finally {
        over.resolve();
      }
    }
    const tasks: (() => unknown)[] = [items, () => 'the end only'];
    for (const task of tasks) {
      const queue = new AsyncQueue();
      const controller = new AbortController();
      const told: unknown[] = [];
      const consumer = make((error) => told.push(error));
      const handle = queue.submit(task, [], { consumer, signal: controller.signal });
      await settled();
      act({ queue, handle, controller });
      expect(handle.state).toBe('cancelled');
      const error = await errorOf(handle.promise);
      await settled();
      expect(told).toEqual([error]);
      await queue.shutdown();
    }
    await over.promise;
  });
});

test('A WritableStream that keeps no queue gets one item after the other', async () => {
  const log: string[] = [];
  const consumer = new WritableStream<number>(
    {
      async write(item) {
        log.push(`${item} begins`);
        await settled();
        log.push(`${item} ends`);
      },
    },
    { highWaterMark: 0 },
  );
  expect(await new AsyncQueue().call(() => [1, 2].values(), [], { consumer })).toBe(consumer);
  expect(log).toEqual(['1 begins', '1 ends', '2 begins', '2 ends']);
  expect(consumer.locked).toBe(false);
});

test('A stream is given no more than it has room for', async () => {
  let made = 0;
  function* task() {
    while (true) yield ++made;
  }
  const node = new Writable({ objectMode: true, highWaterMark: 3, write: nothing });
  const web = new WritableStream({ write: () => new Promise(nothing) }, { highWaterMark: 3 });
  for (const consumer of [node, web]) {
    made = 0;
    const handle = new AsyncQueue().submit(task, [], { consumer });
    await settled();
    expect(made).toBe(3);
    handle.cancel();
  }
});

describe('An object', () => {
  const task = () => {
    throw evil;
  };
  async function* failing() {
    yield 1;
    throw evil;
  }
  const aborts: [what: string, abort: () => unknown][] = [
    ['never ends', () => new Promise(nothing)],
    ['throws', task],
    ['rejects', async () => task()],
  ];

  test.each(aborts)('whose abort() %s keeps no error from the caller', async (_, abort) => {
    const queue = new AsyncQueue();
    const consumer = { write: nothing, abort };
    expect(await errorOf(queue.call(failing, [], { consumer }))).toBe(evil);
    expect(await errorOf(queue.call(task, [], { consumer }))).toBe(evil);
    expect(await errorOf(queue.call(() => [1].values(), [], { consumer: { write: task, abort } }))).toBe(evil);
    await settled();
    expect(await queue.shutdown()).toEqual([]);
  });

  test('whose write() fails settles the call although the generator never ends', async () => {
    async function* hanging() {
      try {
        yield 1;
      } finally {
        await new Promise(nothing);
      }
    }
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const queue = new AsyncQueue();
    const error = errorOf(queue.call(hanging, [], { consumer: { write: task } }));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await error).toBe(evil);
    expect(await queue.shutdown()).toEqual([]);
  });

  test('is not told to abort when its end() has failed', async () => {
    const log: string[] = [];
    const consumer = { write: nothing, end: task, abort: () => log.push('abort') };
    expect(await errorOf(new AsyncQueue().call(() => [1].values(), [], { consumer }))).toBe(evil);
    expect(log).toEqual([]);
  });
});
