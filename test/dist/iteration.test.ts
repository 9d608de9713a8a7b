import { execFile } from 'node:child_process';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AsyncWorker, type IWorker, isNiceqError, ProcessWorker, TaskQueue, ThreadWorker, taskModule } from 'niceq';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { errorOf } from './conformance/conformance.js';
import { hasRedis, SharedRedis } from './remote/redis.js';
import { ServedWorker } from './remote/served-worker.js';

const tasks = taskModule<typeof import('./fixtures/streams.tasks.mjs')>(
  new URL('./fixtures/streams.tasks.mjs', import.meta.url),
);
const program = fileURLToPath(new URL('./fixtures/abandon.mjs', import.meta.url));
const run = promisify(execFile);

const redis = hasRedis ? await SharedRedis.open() : null;
afterAll(async () => {
  await ServedWorker.ended();
  await redis?.close();
});

const kinds: { kind: string; make: () => IWorker; stages?: number }[] = [
  { kind: 'async', make: () => new AsyncWorker() },
  { kind: 'thread', make: () => new ThreadWorker() },
  { kind: 'process', make: () => new ProcessWorker() },
];
// From a thread to its server, and from there to the caller.
if (redis !== null) kinds.push({ kind: 'remote', make: () => new ServedWorker(redis), stages: 2 });

/** How far a producer may be ahead of its reader, in items and bytes. */
const WINDOW_ITEMS = 512;
const WINDOW_BYTES = 1024 * 1024;

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe.each(kinds)('iteration on a worker of kind $kind', ({ kind, make, stages = 1 }) => {
  let queue: TaskQueue;
  const open = () => {
    queue = new TaskQueue({ workers: [make()] });
    return queue;
  };
  afterEach(() => queue.shutdown({ mode: 'crash' }));

  it('hands over items in order and ends', async () => {
    expect(await collect(await open().call(tasks.count, [6]))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await collect(await queue.call(tasks.countAsync, [6]))).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('hands over 100,000 items in order', async () => {
    let next = 0;
    for await (const item of await open().call(tasks.count, [100_000])) {
      if (item !== next++) throw new Error(`expected ${next - 1}, got ${item}`);
    }
    expect(next).toBe(100_000);
  });

  it('hands over nothing of an empty iterator, also to a consumer', async () => {
    expect(await collect(await open().call(tasks.count, [0]))).toEqual([]);
    const log: string[] = [];
    const consumer = { write: () => log.push('write'), end: () => log.push('end'), abort: () => log.push('abort') };
    expect(await queue.call(tasks.count, [0], { consumer })).toBe(consumer);
    expect(log).toEqual(['end']);
  });

  it('keeps null and undefined items', async () => {
    expect(await collect(await open().call(tasks.oddItems))).toEqual([null, undefined, 3]);
  });

  it('takes a ReadableStream for an iterator', async () => {
    expect(await collect(await open().call(tasks.stream, [5]))).toEqual([0, 1, 2, 3, 4]);
  });

  it('makes nothing before the first item is asked for', async () => {
    const items = await open().call(tasks.count, [10]);
    await items.next();
    await items.return?.();
    const untouched = await queue.call(tasks.count, [5]);
    const before = await queue.call(tasks.tally, []);
    expect(before.made).toBeGreaterThan(0);
    await untouched.return?.();
  });

  it('makes no more than the window allows ahead of a slow reader', async () => {
    const items = await open().call(tasks.count, [100_000]);
    for (let read = 1; read <= 1000; read++) {
      await items.next();
      if (read % 250 !== 0) continue;
      const { made } = await queue.call(tasks.tally, []);
      expect(made).toBeLessThanOrEqual(read + stages * WINDOW_ITEMS);
    }
    await items.return?.();
  });

  it('bounds what is ahead of the reader in bytes', async () => {
    const size = 64 * 1024;
    const items = await open().call(tasks.chunks, [1000, size]);
    for (let read = 1; read <= 100; read++) {
      const { value } = await items.next();
      expect(value?.byteLength).toBe(size);
      const { made } = await queue.call(tasks.tally, []);
      // The batch being read counts until it is finished.
      expect((made - read) * size).toBeLessThanOrEqual(2 * stages * WINDOW_BYTES);
    }
    await items.return?.();
  });

  it('stops the generator when the reader breaks off', async () => {
    const before = await open().call(tasks.tally, []);
    for await (const item of await queue.call(tasks.count, [100_000])) if (item === 3) break;
    const { made, closed } = await queue.call(tasks.tally, []);
    expect(closed).toBe(before.closed + 1);
    expect(made).toBeLessThanOrEqual(4 + stages * WINDOW_ITEMS);
  });

  it('rejects the next() that meets an error, after the items before it', async () => {
    const items = await open().call(tasks.failing, [5]);
    for (let i = 0; i < 5; i++) expect(await items.next()).toEqual({ value: i, done: false });
    await expect(items.next()).rejects.toThrow(new RangeError('no item 5'));
    expect(await items.next()).toEqual({ value: undefined, done: true });
    expect(await queue.call(tasks.double, [4])).toBe(8);
  });

  it('interleaves with ordinary tasks', async () => {
    const items = await open().call(tasks.slowly, [200]);
    let sum = 0;
    for await (const item of items) {
      if (item % 20 === 0) sum += await queue.call(tasks.double, [item]);
    }
    expect(sum).toBe(2 * 900);
  });

  it('serves several iterations at a time', async () => {
    open();
    const all = await Promise.all([1, 2, 3].map((n) => queue.call(tasks.count, [n * 1000])));
    const collected = await Promise.all(all.map(collect));
    expect(collected.map(({ length }) => length)).toEqual([1000, 2000, 3000]);
  });

  it('answers several next() at a time in order', async () => {
    const items = await open().call(tasks.slowly, [3]);
    const answers = await Promise.all([items.next(), items.next(), items.next(), items.next()]);
    expect(answers.map(({ value, done }) => (done ? 'done' : value))).toEqual([0, 1, 2, 'done']);
  });

  it('works with Readable.from', async () => {
    const chunks: unknown[] = [];
    for await (const chunk of Readable.from(await open().call(tasks.count, [5]))) chunks.push(chunk);
    expect(chunks).toEqual([0, 1, 2, 3, 4]);
  });

  it('rejects with the reason of the signal, and tells the task', async () => {
    const controller = new AbortController();
    const items = await open().call(tasks.hanging, [], { signal: controller.signal });
    await items.next();
    await items.next();
    const third = items.next();
    controller.abort(new Error('enough'));
    await expect(third).rejects.toThrow('enough');
    expect(await items.next()).toEqual({ value: undefined, done: true });
    expect(await queue.call(tasks.double, [4])).toBe(8);
  });

  it('feeds a consumer that is slower than the producer, item by item', async () => {
    let writing = 0;
    let most = 0;
    const written: number[] = [];
    const consumer = {
      async write(item: number) {
        most = Math.max(most, ++writing);
        await new Promise((resolve) => setImmediate(resolve));
        writing--;
        written.push(item);
      },
    };
    await open().call(tasks.count, [100], { consumer });
    expect(most).toBe(1);
    expect(written).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('resolves with a Writable after it has finished', async () => {
    const written: number[] = [];
    const consumer = new Writable({
      objectMode: true,
      highWaterMark: 2,
      write(item: number, _, callback) {
        written.push(item);
        setImmediate(callback);
      },
    });
    expect(await open().call(tasks.count, [10], { consumer })).toBe(consumer);
    expect(consumer.writableFinished).toBe(true);
    expect(written).toHaveLength(10);
  });

  it('resolves with a WritableStream after it was closed', async () => {
    const log: unknown[] = [];
    const consumer = new WritableStream<number>({
      write: (item) => void log.push(item),
      close: () => void log.push('closed'),
    });
    expect(await open().call(tasks.count, [3], { consumer })).toBe(consumer);
    expect(log).toEqual([0, 1, 2, 'closed']);
  });

  it('gives a consumer that stops after five of ten just five, and stops the generator', async () => {
    const before = await open().call(tasks.tally, []);
    const log: unknown[] = [];
    const consumer = {
      write(item: number) {
        if (log.length === 5) throw new Error('full');
        log.push(item);
      },
      end: () => log.push('end'),
      abort: (error: unknown) => log.push((error as Error).message),
    };
    await expect(queue.call(tasks.count, [10], { consumer })).rejects.toThrow('full');
    expect(log).toEqual([0, 1, 2, 3, 4, 'full']);
    const { closed } = await queue.call(tasks.tally, []);
    expect(closed).toBe(before.closed + 1);
  });

  it('rejects and stops the generator when the Writable is destroyed', async () => {
    const before = await open().call(tasks.tally, []);
    const consumer = new Writable({
      objectMode: true,
      write(item: number, _, callback) {
        if (item === 5) consumer.destroy(new Error('gone'));
        callback();
      },
    });
    await expect(queue.call(tasks.count, [100_000], { consumer })).rejects.toThrow('gone');
    expect((await queue.call(tasks.tally, [])).closed).toBe(before.closed + 1);
  });

  it('rejects for a stream that was closed before, whatever the task returns', async () => {
    open();
    const closed = new Writable().destroy();
    const locked = new WritableStream();
    locked.getWriter();
    for (const consumer of [closed, locked]) {
      await expect(queue.call(tasks.count, [3], { consumer })).rejects.toThrow('Expected `consumer`');
      await expect(queue.call(tasks.count, [0], { consumer })).rejects.toThrow('Expected `consumer`');
      await expect(queue.call(tasks.double, [3], { consumer })).rejects.toThrow('Expected `consumer`');
      await expect(queue.call(tasks.failAtOnce, [], { consumer })).rejects.toThrow('at once');
    }
    expect(await queue.shutdown()).toEqual([]);
  });

  it('rejects at once when the stream is destroyed while the task makes an item', async () => {
    const consumer = new Writable({
      objectMode: true,
      write(item: number, _, callback) {
        callback();
        if (item === 2) setImmediate(() => consumer.destroy(new Error('gone')));
      },
    });
    await expect(open().call(tasks.hanging, [], { consumer })).rejects.toThrow('gone');
    expect(await queue.call(tasks.double, [4])).toBe(8);
  });

  it('ends a consumer once, without writing, for a result that is no iterator', async () => {
    const log: string[] = [];
    const consumer = { write: () => log.push('write'), end: () => log.push('end'), abort: () => log.push('abort') };
    expect(await open().call(tasks.double, [4], { consumer })).toBe(consumer);
    expect(log).toEqual(['end']);
  });

  it('aborts a consumer once when the task or the iteration fails', async () => {
    const log: string[] = [];
    const consumer = {
      write: () => log.push('write'),
      end: () => log.push('end'),
      abort: (error: unknown) => log.push(`abort: ${(error as Error).message}`),
    };
    await expect(open().call(tasks.failing, [1], { consumer })).rejects.toThrow('no item 1');
    expect(log).toEqual(['write', 'abort: no item 1']);
    log.length = 0;
    await expect(queue.call(tasks.failAtOnce, [], { consumer })).rejects.toThrow('at once');
    expect(log).toEqual(['abort: at once']);
  });

  it('cancels a task that feeds a consumer', async () => {
    open();
    let handle: { cancel(reason?: unknown): boolean } | undefined;
    const log: unknown[] = [];
    const consumer = {
      write(item: number) {
        log.push(item);
        if (item === 2) handle?.cancel('enough');
      },
      abort: (error: unknown) => log.push((error as Error).name),
    };
    const fed = queue.submit(tasks.slowly, [100], { consumer });
    handle = fed;
    await expect(fed.promise).rejects.toMatchObject({ code: 'ERR_TASK_CANCELLED', cause: 'enough' });
    expect(fed.state).toBe('cancelled');
    await queue.onIdle();
    expect(log.slice(0, 3)).toEqual([0, 1, 2]);
  });

  it('waits on drain for an iteration that somebody reads, and closes the others', async () => {
    open();
    const read = await queue.call(tasks.slowly, [50]);
    const unread = await queue.call(tasks.count, [50]);
    const collected = collect(read);
    await queue.shutdown();
    expect(await collected).toHaveLength(50);
    expect(await unread.next()).toEqual({ value: undefined, done: true });
  });

  it('does not run an iteration again: a crash ends it with what had arrived, then WorkerLostError', async () => {
    open();
    const items = await queue.call(tasks.hanging, []);
    expect(await items.next()).toEqual({ value: 1, done: false });
    expect(await items.next()).toEqual({ value: 2, done: false });
    // Who reads hears of it before the worker is gone.
    const third = errorOf(items.next());
    const [worker] = queue.workers();
    await queue.detachWorker(worker as IWorker, { crash: true });
    expect(isNiceqError(await third, 'ERR_WORKER_LOST')).toBe(true);
    expect(await items.next()).toEqual({ value: undefined, done: true });
  });

  it.skipIf(kind === 'remote')(
    'lets neither worker, queue nor program stay alive for an iterator that nobody reads or holds',
    async () => {
      open();
      const { stdout } = await run(process.execPath, ['--expose-gc', program, kind]);
      expect(stdout.trim().split('\n')).toEqual(['closed', 'end']);
    },
  );
});

describe.each(kinds.slice(1))('iteration in a $kind that dies', ({ make }) => {
  it('delivers what had arrived, then the loss, and the worker is replaced', async () => {
    await using queue = new TaskQueue({ workers: [make()] });
    const items = await queue.call(tasks.dying, []);
    const got: number[] = [];
    const reading = (async () => {
      for await (const item of items) got.push(item);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_WORKER_LOST', exitCode: 3 });
    expect(got).toEqual([0, 1, 2].slice(0, got.length));
    expect(await queue.call(tasks.double, [4])).toBe(8);
  });
});
