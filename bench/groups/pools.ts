import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { BareWorker, pump } from '../bare.js';
import type { Case, Measure, Section } from '../harness.js';
import { type Kind, type Pool, poolsOf } from '../pools.js';

/** A loop of calls one after the other; microseconds a call. */
function oneByOne(count: number, call: (i: number) => Promise<unknown>): () => Promise<number> {
  return async () => {
    const begin = performance.now();
    for (let i = 0; i < count; i++) await call(i);
    return ((performance.now() - begin) * 1000) / count;
  };
}

/**
 * Runs batches one after the other until `least` milliseconds have passed; microseconds for each of the tasks of a
 * batch. What takes a fraction of that would be measured while caches and processors are still cold from the turn of
 * the others.
 */
function batchByBatch(tasks: number, least: number, batch: () => Promise<unknown>): () => Promise<number> {
  return async () => {
    const begin = performance.now();
    let count = 0;
    let elapsed: number;
    do {
      await batch();
      count++;
      elapsed = performance.now() - begin;
    } while (elapsed < least);
    return (elapsed * 1000) / (tasks * count);
  };
}

/** How many idle workers are weighed. */
const SIZE = 4;

/** Bytes: of this process for threads, of its child processes together for processes. */
function residentMemory(kind: Kind): number {
  if (kind === 'thread') return process.memoryUsage().rss;
  const lines = execFileSync('ps', ['-A', '-o', 'ppid=,comm=,rss='], { encoding: 'utf8' }).split('\n');
  let kilobytes = 0;
  for (const line of lines) {
    const [parent, command, memory] = line.trim().split(/\s+/);
    if (Number(parent) === process.pid && command !== 'ps') kilobytes += Number(memory);
  }
  return kilobytes * 1024;
}

const text = 'x'.repeat(1024);
const record = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`key${i}`, i % 2 ? i : `value ${i}`]));
const bytes = new Uint8Array(64 * 1024).fill(7);

/** What threads and processes are compared in, alike. */
export function poolSections(kind: Kind, isQuick: boolean): Section[] {
  const isThread = kind === 'thread';
  const name = isThread ? 'Threads' : 'Processes';
  const pools = poolsOf(kind);
  const rounds = isQuick ? 1 : 5;
  // A pool lives long: what counts is how fast it is when its code has been optimized.
  const warmUps = isQuick ? 1 : 3;
  const calls = isQuick ? 100 : 5000;
  const tasks = isQuick ? 2000 : 10_000;
  const least = isQuick ? 0 : 200;
  const payloads = isQuick ? 20 : 1000;
  // JSON, which some use between processes, takes 10 ms and more for 64 KB of bytes.
  const bytePayloads = isThread ? payloads : 10;

  const forEach = (setUp: (open: (size: number) => Pool) => Measure): Case['candidates'] =>
    Object.fromEntries(Object.entries(pools).map(([name, load]) => [name, async () => setUp(await load())]));

  const bareOnes: Record<string, () => BareWorker> = isThread
    ? { bare: () => new BareWorker(kind) }
    : { bare: () => new BareWorker(kind), 'bare, advanced': () => new BareWorker(kind, 'advanced') };
  const forBare = (suffix: string, setUp: (open: () => BareWorker) => Measure): Case['candidates'] =>
    Object.fromEntries(Object.entries(bareOnes).map(([name, open]) => [`${name}${suffix}`, () => setUp(open)]));

  const latency = (
    title: string,
    id: string,
    count: number,
    ofBare: (worker: BareWorker, i: number) => Promise<unknown>,
    of: (pool: Pool, i: number) => Promise<unknown>,
  ): Case => ({
    id,
    title,
    rounds,
    warmUps,
    candidates: {
      ...forBare('', (open) => {
        const worker = open();
        return oneByOne(count, (i) => ofBare(worker, i));
      }),
      ...forEach((open) => {
        const pool = open(1);
        return oneByOne(count, (i) => of(pool, i));
      }),
    },
  });

  const echo = (title: string, id: string, value: unknown, count = payloads): Case =>
    latency(
      title,
      id,
      count,
      (worker) => worker.ask({ value }),
      (pool) => pool.echo(value),
    );

  const throughput = (size: number): Case => {
    const bare = (batch: number, inFlight: number) => (open: () => BareWorker) => {
      const workers = Array.from({ length: size }, open);
      return batchByBatch(tasks, least, () => pump(workers, tasks, batch, inFlight));
    };
    return {
      id: `throughput-${size}`,
      title: size === 1 ? '1 worker' : `${size} workers`,
      rounds,
      warmUps,
      candidates: {
        ...forBare(', 64 messages in flight', bare(1, 64)),
        ...forBare(', arrays of 64', bare(64, 4)),
        ...forEach((open) => {
          const pool = open(size);
          return batchByBatch(tasks, least, () =>
            Promise.all(Array.from({ length: tasks }, (_, i) => pool.increment(i))),
          );
        }),
      },
    };
  };

  const start: Case = {
    id: 'start',
    title: 'ms',
    rounds,
    isFresh: true,
    candidates: {
      bare: () => async () => {
        const begin = performance.now();
        const workers = [new BareWorker(kind), new BareWorker(kind)];
        await Promise.race(workers.map((worker, i) => worker.ask(i)));
        return performance.now() - begin;
      },
      ...forEach((open) => async () => {
        const begin = performance.now();
        const pool = open(2);
        await Promise.race([pool.increment(1), pool.increment(2)]);
        return performance.now() - begin;
      }),
    },
  };

  /** Megabytes for each of the workers that `open` starts. */
  const added = async (open: () => Promise<void>): Promise<number> => {
    const before = residentMemory(kind);
    await open();
    await sleep(300);
    return (residentMemory(kind) - before) / SIZE / 2 ** 20;
  };
  const memory: Case = {
    id: 'memory',
    title: 'MB',
    rounds: isQuick ? 1 : 3,
    isFresh: true,
    candidates: {
      bare: () => () =>
        added(async () => {
          const workers = Array.from({ length: SIZE }, () => new BareWorker(kind));
          await Promise.all(workers.map((worker, i) => worker.ask(i)));
        }),
      ...forEach(
        (open) => () =>
          added(async () => {
            const pool = open(SIZE);
            await Promise.all(Array.from({ length: SIZE }, (_, i) => pool.increment(i)));
          }),
      ),
    },
  };

  return [
    {
      title: `${name}: latency of n => n + 1, one call after the other`,
      unit: 'µs a task',
      cases: [
        latency(
          '1 worker',
          'latency',
          calls,
          (worker, i) => worker.ask(i),
          (pool, i) => pool.increment(i),
        ),
      ],
    },
    {
      title: `${name}: throughput of n => n + 1, ${tasks} tasks submitted at once, batch after batch`,
      unit: 'µs a task',
      cases: [throughput(1), throughput(2)],
    },
    {
      title: `${name}: payloads there and back, one after the other`,
      unit: 'µs a task',
      cases: [
        echo('1 KB string', 'text', text),
        echo('100 keys', 'record', record),
        echo('64 KB of bytes', 'bytes', bytes, bytePayloads),
        ...(isThread
          ? [
              latency(
                '1 MB transferred',
                'transfer',
                payloads,
                (worker) => worker.handOver(new Uint8Array(2 ** 20)),
                (pool) => pool.handOver(new Uint8Array(2 ** 20)),
              ),
            ]
          : []),
      ],
    },
    { title: `${name}: start-up of 2 workers to the first result`, unit: 'ms', cases: [start] },
    { title: `${name}: memory of an idle worker, of ${SIZE}`, unit: 'MB', cases: [memory] },
  ];
}
