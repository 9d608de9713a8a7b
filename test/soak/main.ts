import { AsyncWorker, type IWorker, ProcessWorker, TaskQueue, ThreadWorker } from 'niceq';

// Runs a million calls through each kind of worker and tells what memory they leave: `npm run soak [-- calls]`.

/** How many calls are on their way at a time. */
const BATCH = 1000;

/** What memory in use may grow by from one quarter of the way to its end, in bytes: noise of the collector. */
const TOLERANCE = 4_000_000;

const kinds: [kind: string, make: () => IWorker][] = [
  ['async', () => new AsyncWorker({ concurrency: 100 })],
  ['thread', () => new ThreadWorker()],
  ['process', () => new ProcessWorker()],
];

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1).padStart(8);

/** Bytes in use here, after what nobody needs has been collected. */
async function ownMemory(): Promise<number> {
  // What finalizers release is collected by the next run.
  for (let run = 0; run < 3; run++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Bytes in use where the tasks run. */
const taskMemory = () => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** Runs the calls, a tenth of them with options, some of which fail, are cancelled or iterate; false if memory grew. */
async function soak(kind: string, make: () => IWorker, calls: number): Promise<boolean> {
  const queue = new TaskQueue({ workers: [make()] });
  const controller = new AbortController();
  const add = (a: number, b: number) => a + b;
  const fail = () => {
    throw new RangeError('as it should');
  };
  const count = function* () {
    yield 1;
    yield 2;
  };
  const one = async (i: number): Promise<void> => {
    const series = i % 977;
    if (i % 100 === 1) await queue.call(fail, [], { series }).catch(() => {});
    else if (i % 100 === 2) queue.submit(add, [i, 1], { series }).cancel();
    else if (i % 100 === 3) for await (const _ of await queue.call(count, [], { series, signal: controller.signal }));
    else if (i % 10 === 4) await queue.call(add, [i, 1], { series, signal: controller.signal, timeout: 60_000 });
    else if ((await queue.call(add, [i, 1], { series })) !== i + 1) throw new Error(`call ${i} has a wrong result`);
  };
  const seen: [here: number, there: number][] = [];
  const look = async () => {
    await queue.onIdle();
    seen.push([await ownMemory(), await queue.call(taskMemory)]);
  };
  const began = performance.now();
  for (let quarter = 0; quarter < 4; quarter++) {
    for (let i = 0; i < calls / 4; i += BATCH) await Promise.all(Array.from({ length: BATCH }, (_, j) => one(i + j)));
    await look();
  }
  const time = (performance.now() - began) / 1000;
  await queue.shutdown();
  const [first, , , last] = seen as [[number, number], unknown, unknown, [number, number]];
  const grown = [last[0] - first[0], last[1] - first[1]] as const;
  for (const [i, where] of ['here', 'there'].entries()) {
    const column = seen.map((bytes) => megabytes(bytes[i as 0 | 1])).join('');
    console.log(`${kind.padEnd(8)} ${where.padEnd(6)}${column}  MB after each quarter of ${calls} calls`);
  }
  const isFlat = grown[0] < TOLERANCE && grown[1] < TOLERANCE;
  console.log(`${kind.padEnd(8)} ${((time / calls) * 1e6).toFixed(1)} µs a call${isFlat ? '' : ', and memory GROWS'}`);
  return isFlat;
}

const calls = Number(process.argv[2] ?? 1_000_000);
if (!Number.isInteger(calls / 4 / BATCH))
  throw new RangeError(`Expected a multiple of ${4 * BATCH} calls, got ${calls}`);
for (const [kind, make] of kinds) if (!(await soak(kind, make, calls))) process.exitCode = 1;
