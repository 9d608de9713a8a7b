import { median, type Outcomes, ratios } from './harness.js';

/** Results by group and case: `main/100k`. */
export type Results = ReadonlyMap<string, Outcomes>;

/** What is asked of niceq. Ratios, as only they carry over to another machine; `to: null` for what is absolute. */
export interface Target {
  readonly work: string;
  /** Group and case, and the candidate. */
  readonly of: readonly [id: string, candidate: string];
  /** What it is measured by: of several candidates the best. */
  readonly to: readonly [id: string, ...candidates: string[]] | null;
  readonly unit: string;
  readonly target?: number;
  /** Above it the run has failed. */
  readonly must?: number;
}

const fastqRows = ['100k', '1M'].map((size): Target[] => [
  {
    work: `main thread, ${size} tasks, one series, to fastq.promise`,
    of: [`main/${size}`, 'niceq'],
    to: [`main/${size}`, 'fastq.promise'],
    unit: '×',
    target: 0.6,
    must: 0.75,
  },
  {
    work: `main thread, ${size} tasks, one series, to p-limit`,
    of: [`main/${size}`, 'niceq'],
    to: [`main/${size}`, 'p-limit'],
    unit: '×',
    target: 0.5,
    must: 0.6,
  },
]);

const mixedRows = (['mixed-100k', 'mixed-1M'] as const).flatMap((id): Target[] => {
  const size = id.replace('mixed-', '');
  return (
    [
      ['41 niceness values', 1.3, 1.5],
      ['1000 series', 2.2, 2.5],
    ] as const
  ).flatMap(([kind, target, must]): Target[] => [
    {
      work: `main thread, ${size} tasks, ${kind}, to one series`,
      of: [`main/${id}`, `niceq, ${kind}`],
      to: [`main/${id}`, 'niceq'],
      unit: '×',
      target,
      must,
    },
    {
      work: `main thread, ${size} tasks, ${kind}, to p-limit, which has neither`,
      of: [`main/${id}`, `niceq, ${kind}`],
      to: [`main/${id}`, 'p-limit'],
      unit: '×',
      must: 1,
    },
  ]);
});

const threadPeers = ['piscina', 'tinypool', 'workerpool', 'poolifier', 'jest-worker'] as const;
const processPeers = ['tinypool', 'workerpool', 'poolifier', 'jest-worker'] as const;

/** Start-up and memory: as near to a bare worker as can be, and below every peer. */
function bareAndPeers(work: string, id: string, peers: readonly string[], bare: string): Target[] {
  return [
    { work: `${work}, to bare`, of: [id, 'niceq'], to: [id, bare], unit: '×', target: 1.15 },
    { work: `${work}, to the best peer`, of: [id, 'niceq'], to: [id, ...peers], unit: '×', must: 1 },
  ];
}

export const targets: readonly Target[] = [
  ...fastqRows.flat(),
  ...mixedRows,
  ...['41 niceness values', '1000 series'].map(
    (kind): Target => ({
      work: `main thread, ${kind}, 1M to 1k tasks`,
      of: ['main/mixed-1M', `niceq, ${kind}`],
      to: ['main/mixed-1k', `niceq, ${kind}`],
      unit: '×',
      target: 1.3,
    }),
  ),
  {
    work: 'main thread, memory of a waiting task',
    of: ['main/memory', 'niceq'],
    to: null,
    unit: 'bytes',
    target: 320,
    must: 400,
  },
  ...[1, 2].map(
    (count): Target => ({
      work: `threads, throughput of ${count}, to piscina`,
      of: [`threads/throughput-${count}`, 'niceq'],
      to: [`threads/throughput-${count}`, 'piscina'],
      unit: '×',
      target: 0.15,
      must: 0.2,
    }),
  ),
  {
    work: 'threads, latency, to piscina',
    of: ['threads/latency', 'niceq'],
    to: ['threads/latency', 'piscina'],
    unit: '×',
    target: 0.6,
    must: 0.75,
  },
  {
    work: 'threads, latency, to jest-worker',
    of: ['threads/latency', 'niceq'],
    to: ['threads/latency', 'jest-worker'],
    unit: '×',
    must: 1,
  },
  ...bareAndPeers('threads, start-up to first result', 'threads/start', threadPeers, 'bare'),
  ...bareAndPeers('threads, memory of an idle worker', 'threads/memory', threadPeers, 'bare'),
  {
    work: 'threads, abort of a blocked one to the next result, less the time of grace, to bare',
    of: ['threads/abort', 'niceq'],
    to: ['threads/abort', 'bare: terminate(), new Worker'],
    unit: '×',
    must: 1.5,
  },
  ...[1, 2].map(
    (count): Target => ({
      work: `processes, throughput of ${count}, to poolifier`,
      of: [`processes/throughput-${count}`, 'niceq'],
      to: [`processes/throughput-${count}`, 'poolifier'],
      unit: '×',
      target: 0.15,
      must: 0.2,
    }),
  ),
  {
    work: 'processes, latency, to jest-worker',
    of: ['processes/latency', 'niceq'],
    to: ['processes/latency', 'jest-worker'],
    unit: '×',
    target: 0.85,
    must: 1,
  },
  ...bareAndPeers('processes, start-up to first result', 'processes/start', processPeers, 'bare'),
  ...bareAndPeers('processes, memory of an idle worker', 'processes/memory', processPeers, 'bare'),
  ...(
    [
      ['throughput', 1],
      ['latency', 1.25],
    ] as const
  ).map(
    ([id, must]): Target => ({
      work: `remote, ${id}, to bare BullMQ`,
      of: [`remote/${id}`, 'niceq'],
      to: [`remote/${id}`, 'bare BullMQ'],
      unit: '×',
      must,
    }),
  ),
  {
    work: 'streaming small items from a thread, to bare batches of 64 read one by one',
    of: ['streaming/thread', 'niceq'],
    to: ['streaming/thread', 'bare, batches of 64, for await'],
    unit: '×',
    target: 1.3,
    must: 2,
  },
  {
    // One running task is 1 ms.
    work: 'doNext behind 10k tasks of 1 ms on a thread, 9 of 10 start within',
    of: ['scheduling/urgent', 'niceq'],
    to: null,
    unit: 'ms',
    target: 1.5,
    must: 3,
  },
  ...(['main', 'thread'] as const).map(
    (where): Target => ({
      work: `niceness n and n + 10, ${where}: greatest distance from 2 : 1`,
      of: [`scheduling/fair-${where}`, 'niceq'],
      to: null,
      unit: 'tasks',
      target: 1,
      must: 1,
    }),
  ),
];

/** The values of a target in the rounds; null if its case was not run, an error if it could not be. */
export function valuesOf({ of, to }: Target, results: Results): readonly number[] | Error | null {
  const [ofCase, ofCandidate] = of;
  if (!results.has(ofCase)) return null;
  const own = outcome(results, ofCase, ofCandidate);
  if (to === null || own instanceof Error) return own;
  const [toCase, ...toCandidates] = to;
  let best: readonly number[] | Error = new Error('nothing to compare with');
  for (const candidate of toCandidates) {
    const other = outcome(results, toCase, candidate);
    if (!(other instanceof Error) && (best instanceof Error || median(other) < median(best))) best = other;
  }
  return best instanceof Error ? best : ratios(own, best);
}

function outcome(results: Results, id: string, candidate: string): readonly number[] | Error {
  return results.get(id)?.get(candidate) ?? new Error(`${candidate} was not run`);
}
