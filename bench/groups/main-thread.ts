import asyncjs from 'async';
import fastq from 'fastq';
import pLimit from 'p-limit';
import PQueue from 'p-queue';
import type { Case, Group, Setup } from '../harness.js';
import { AsyncQueue } from '../niceq.js';

type Work = () => Promise<unknown>;

/** Takes a task; `i` is its number, from which some make its priority. */
type Submit = (work: Work, i: number) => Promise<unknown>;

const NICENESSES = 41;
const SERIES = 1000;

const niceness = (i: number) => (i % NICENESSES) - 20;

/** A new queue each time: what a long life leaves behind would count for one run and against the next. */
const queues: Record<string, (concurrency: number) => Submit> = {
  niceq: (concurrency) => {
    const queue = new AsyncQueue({ concurrency });
    return (work) => queue.call(work);
  },
  'niceq, 41 niceness values': (concurrency) => {
    const queue = new AsyncQueue({ concurrency });
    return (work, i) => queue.call(work, [], { niceness: niceness(i) });
  },
  'niceq, 1000 series': (concurrency) => {
    const queue = new AsyncQueue({ concurrency });
    return (work, i) => queue.call(work, [], { series: i % SERIES });
  },
  'fastq.promise': (concurrency) => {
    const queue = fastq.promise((work: Work) => work(), concurrency);
    return (work) => queue.push(work);
  },
  'p-limit': (concurrency) => {
    const limit = pLimit(concurrency);
    return (work) => limit(work);
  },
  'p-queue': (concurrency) => {
    const queue = new PQueue({ concurrency });
    return (work) => queue.add(work);
  },
  'p-queue, 41 priorities': (concurrency) => {
    const queue = new PQueue({ concurrency });
    return (work, i) => queue.add(work, { priority: niceness(i) });
  },
  'async.queue': (concurrency) => {
    const queue = asyncjs.queue<Work>(async (work: Work) => await work(), concurrency);
    return (work) => queue.pushAsync(work);
  },
  'async.priorityQueue, 41 priorities': (concurrency) => {
    const queue = asyncjs.priorityQueue<Work>(async (work: Work) => await work(), concurrency);
    return (work, i) => queue.push(work, niceness(i));
  },
};

const one = ['niceq', 'fastq.promise', 'p-limit', 'p-queue', 'async.queue'];

/**
 * From so many tasks on a process finds its own way to collect its garbage, and keeps to it: what differs is processes
 * and not rounds, so each round has a new one.
 */
const LARGE = 50_000;

/** Times `count` tasks, all submitted at once, `repeats` times over; microseconds a task. */
function timed(count: number, repeats: number, run: (count: number) => Promise<unknown>): Setup {
  return async () => {
    // The largest would take too long to be run more often than they count.
    for (let i = 0; i < 2; i++) await run(Math.min(count, LARGE));
    return async () => {
      const begin = performance.now();
      for (let i = 0; i < repeats; i++) await run(count);
      return ((performance.now() - begin) * 1000) / (count * repeats);
    };
  };
}

/** On a queue that lives, after a garbage collection while it had nothing to do, which may take optimized code along. */
function afterCollection(count: number, open: (concurrency: number) => Submit): Setup {
  return async (collectGarbage) => {
    const submit = open(10);
    for (let i = 0; i < 20; i++) await submitAll(submit, count);
    return async () => {
      // What nobody needs any more is kept for one collection more.
      for (let i = 0; i < 3; i++) collectGarbage();
      const begin = performance.now();
      await submitAll(submit, count);
      return ((performance.now() - begin) * 1000) / count;
    };
  };
}

function submitAll(submit: Submit, count: number): Promise<unknown> {
  const results: Promise<unknown>[] = [];
  for (let i = 0; i < count; i++) results.push(submit(async () => i, i));
  return Promise.all(results);
}

async function awaitLoop(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const work = async () => i;
    await work();
  }
}

const bare: Readonly<Record<string, (count: number) => Promise<unknown>>> = {
  'bare await loop': awaitLoop,
  'bare Promise.all': (count) => submitAll((work) => work(), count),
};

/** Bytes on the heap for each task that waits behind one that never ends, its promise included, its function not. */
function memory(open: (concurrency: number) => Submit): Setup {
  return (collectGarbage) => {
    const count = 100_000;
    const submit = open(1);
    const results: unknown[] = new Array(count);
    const work = async () => {};
    return async () => {
      void submit(() => new Promise(() => {}), 0);
      await new Promise(setImmediate);
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < count; i++) results[i] = submit(work, i);
      await new Promise(setImmediate);
      collectGarbage();
      return (process.memoryUsage().heapUsed - before) / count;
    };
  };
}

function pick(names: readonly string[], setUp: (open: (concurrency: number) => Submit) => Setup): Case['candidates'] {
  return Object.fromEntries(names.map((name) => [name, setUp(queues[name] as (typeof queues)[string])]));
}

export const mainThread: Group = (isQuick) => {
  const [small, middle, large, huge] = isQuick ? [100, 1000, 10_000, 20_000] : [1000, 10_000, 100_000, 1_000_000];

  /** All of `names` at one size, with a new queue for each run. */
  const throughput = (
    id: string,
    title: string,
    names: readonly string[],
    count: number,
    concurrency: number,
    rounds = 5,
  ): Case => {
    const repeats = Math.max(1, Math.round((isQuick ? 1000 : 50_000) / count));
    const bareCandidates = Object.entries(bare).map(([name, run]) => [name, timed(count, repeats, run)] as const);
    return {
      id,
      title,
      rounds: isQuick ? 1 : rounds,
      isFresh: count >= LARGE,
      candidates: {
        ...Object.fromEntries(bareCandidates),
        ...pick(names, (open) => timed(count, repeats, (count) => submitAll(open(concurrency), count))),
      },
    };
  };
  const mixed = [
    'niceq',
    'niceq, 41 niceness values',
    'niceq, 1000 series',
    'p-limit',
    'async.priorityQueue, 41 priorities',
  ];
  const inserting = [...mixed, 'p-queue, 41 priorities'];

  return [
    {
      title: 'Main thread: tasks submitted all at once, concurrency 10, one series',
      unit: 'µs a task',
      cases: [
        throughput('1k', String(small), one, small, 10),
        throughput('10k', String(middle), one, middle, 10),
        throughput('100k', String(large), one, large, 10, 9),
        throughput('1M', String(huge), one.slice(0, 3), huge, 10),
      ],
    },
    {
      title: `Main thread: ${large} tasks, by concurrency`,
      unit: 'µs a task',
      cases: [1, 1000].map((concurrency) =>
        throughput(`concurrency-${concurrency}`, String(concurrency), one, large, concurrency),
      ),
    },
    {
      title: 'Main thread: tasks submitted all at once, concurrency 10, after a garbage collection',
      unit: 'µs a task',
      cases: [
        {
          id: 'collected',
          title: String(small),
          rounds: isQuick ? 1 : 5,
          candidates: pick(one, (open) => afterCollection(small, open)),
        },
      ],
    },
    {
      // p-queue inserts into a sorted array: a million tasks of many priorities would take it minutes.
      title: 'Main thread: niceness values and series mixed, concurrency 10',
      unit: 'µs a task',
      cases: [
        throughput('mixed-1k', String(small), inserting, small, 10),
        throughput('mixed-100k', String(large), isQuick ? inserting : mixed, large, 10, 9),
        throughput('mixed-1M', String(huge), mixed.slice(0, 4), huge, 10),
      ],
    },
    {
      title: 'Main thread: memory for each task that waits',
      unit: 'bytes',
      cases: [
        {
          id: 'memory',
          title: '100000 waiting',
          rounds: isQuick ? 1 : 3,
          isFresh: true,
          candidates: pick(
            Object.keys(queues).filter((name) => name !== 'p-queue, 41 priorities'),
            memory,
          ),
        },
      ],
    },
  ];
};
