import { BareWorker } from '../bare.js';
import type { Case, Group, Measure, Setup } from '../harness.js';
import { AsyncQueue, ProcessQueue, ThreadQueue, taskModule } from '../niceq.js';
import { type Bytes, type Kind, workerFile } from '../pools.js';

const tasks = taskModule<typeof import('../workers/niceq.mjs')>(workerFile('niceq.mjs'));

const open = (kind: Kind) => (kind === 'thread' ? new ThreadQueue({ threads: 1 }) : new ProcessQueue({ processes: 1 }));

/** Resolves when so many items have come: single ones or arrays of them. */
function receive(worker: BareWorker, count: number, order: unknown): Promise<void> {
  return new Promise((resolve) => {
    let received = 0;
    worker.onMessage = (message) => {
      received += Array.isArray(message) ? message.length : 1;
      if (received === count) resolve();
    };
    worker.post(order);
  });
}

/** The same, but reads the items one by one, as who iterates does. */
async function iterate(worker: BareWorker, count: number, order: unknown): Promise<void> {
  const batches: number[][] = [];
  let wake = () => {};
  worker.onMessage = (message) => {
    batches.push(message as number[]);
    wake();
  };
  async function* items() {
    for (let left = count; left > 0; ) {
      const batch = batches.shift();
      if (batch === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      left -= batch.length;
      yield* batch;
    }
  }
  worker.post(order);
  let received = 0;
  for await (const item of items()) if (item === received) received++;
  expect(received, count);
}

/** Checks that nothing got lost on the way. */
function expect(received: number, count: number): void {
  if (received !== count) throw new Error(`${received} items came instead of ${count}`);
}

function smallItems(kind: Kind, count: number, rounds: number): Case {
  const perItem =
    (run: () => Promise<void>): Measure =>
    async () => {
      const begin = performance.now();
      await run();
      return ((performance.now() - begin) * 1000) / count;
    };
  const bare =
    (batch: number, serialization?: 'advanced'): Setup =>
    () => {
      const worker = new BareWorker(kind, serialization);
      return perItem(() => receive(worker, count, { numbers: count, batch }));
    };
  return {
    id: kind,
    title: `from a ${kind}`,
    rounds,
    candidates: {
      'bare, single messages': bare(1),
      'bare, batches of 64': bare(64),
      ...(kind === 'process' ? { 'bare, advanced, batches of 64': bare(64, 'advanced') } : {}),
      'bare, batches of 64, for await': () => {
        const worker = new BareWorker(kind);
        return perItem(() => iterate(worker, count, { numbers: count, batch: 64 }));
      },
      niceq: () => {
        const queue = open(kind);
        return perItem(async () => {
          let received = 0;
          for await (const item of await queue.call(tasks.numbers, [count])) if (item === received) received++;
          expect(received, count);
        });
      },
    },
  };
}

/** Looks at the memory of the process now and then, and tells how far it rose. */
async function memoryRise(run: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 5);
  await run();
  clearInterval(timer);
  return (most - before) / 2 ** 20;
}

async function seconds(run: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await run();
  return (performance.now() - begin) / 1000;
}

const SIZE = 64 * 1024;

export const streaming: Group = (isQuick) => {
  const rounds = isQuick ? 1 : 5;
  const items = isQuick ? 10_000 : 100_000;
  const gigabyte = (isQuick ? 2 ** 26 : 2 ** 30) / SIZE;
  const inputs = isQuick ? 10_000 : 1_000_000;

  const bareBuffers = async () => await receive(new BareWorker('thread'), gigabyte, { buffers: gigabyte, size: SIZE });
  const ourBuffers = async () => {
    let received = 0;
    const consumer = {
      write: (item: Bytes) => {
        received += item.byteLength;
      },
    };
    await open('thread').call(tasks.buffers, [gigabyte, SIZE], { consumer });
    expect(received, gigabyte * SIZE);
  };
  const heavy = (measure: (run: () => Promise<void>) => Promise<number>): Case['candidates'] => ({
    'bare, no back pressure': () => () => measure(bareBuffers),
    niceq: () => () => measure(ourBuffers),
  });

  const loop = async () => {
    const twice = async (n: number) => 2 * n;
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += await twice(i);
    expect(sum, inputs * (inputs - 1));
  };
  const map = async () => {
    const queue = new AsyncQueue({ concurrency: 10 });
    function* numbers() {
      for (let i = 0; i < inputs; i++) yield i;
    }
    let sum = 0;
    for await (const result of queue.map(numbers(), async (n: number) => 2 * n)) sum += result;
    expect(sum, inputs * (inputs - 1));
  };
  const mapping = (measure: (run: () => Promise<void>) => Promise<number>): Case['candidates'] => ({
    'bare await loop': () => () => measure(loop),
    niceq: () => () => measure(map),
  });

  const once = { rounds: isQuick ? 1 : 3, isFresh: true } as const;
  return [
    {
      title: `Streaming: ${items} numbers, one at a time`,
      unit: 'µs an item',
      cases: [smallItems('thread', items, rounds), smallItems('process', items, rounds)],
    },
    {
      title: `Streaming: ${(gigabyte * SIZE) / 2 ** 20} MB in buffers of 64 KB from a thread to a consumer`,
      unit: '',
      cases: [
        { id: 'buffers-time', title: 's', candidates: heavy(seconds), ...once },
        { id: 'buffers-memory', title: 'MB more resident at most', candidates: heavy(memoryRise), ...once },
      ],
    },
    {
      title: `Streaming: map over ${inputs} inputs in the main thread, concurrency 10`,
      unit: '',
      cases: [
        { id: 'map-time', title: 's', candidates: mapping(seconds), ...once },
        { id: 'map-memory', title: 'MB more resident at most', candidates: mapping(memoryRise), ...once },
      ],
    },
  ];
};
