import {
  AsyncQueue,
  AsyncWorker,
  ProcessQueue,
  ProcessWorker,
  PromiseTracker,
  TaskQueue,
  ThreadQueue,
  ThreadWorker,
  taskModule,
  transferable,
  until,
} from 'niceq';
import { make, makeNow, TaskGraph, TaskNode, toDot, toMermaid } from 'niceq/graph';
import { ParallelLimitedTaskConsumer, PollingTaskSource } from 'niceq/source';
import { describe, expect, test } from 'vitest';
import { nothing } from './queue/helpers.js';

/** One of each kind of value. */
const values: Record<string, readonly unknown[]> = {
  null: [null],
  boolean: [true, false],
  string: ['', '5', 'no such thing'],
  negative: [-1, Number.NEGATIVE_INFINITY],
  zero: [0, -0],
  fraction: [0.5],
  positive: [5],
  large: [2 ** 31],
  infinity: [Number.POSITIVE_INFINITY],
  NaN: [Number.NaN],
  bigint: [5n],
  symbol: [Symbol('s')],
  object: [{}, new Date(0), new EventTarget()],
  array: [[], [5], ['a']],
  function: [() => 1],
};
type Sort = keyof typeof values;

const noNumber: Sort[] = ['null', 'boolean', 'string', 'bigint', 'symbol', 'object', 'array', 'function'];
const noCount: Sort[] = [...noNumber, 'negative', 'zero', 'fraction', 'NaN'];
const noInteger: Sort[] = [...noCount, 'infinity'];
const noDuration: Sort[] = [...noNumber, 'negative', 'NaN', 'large', 'infinity'];
const noObject: Sort[] = Object.keys(values).filter((sort) => sort !== 'object');
const noBoolean: Sort[] = Object.keys(values).filter((sort) => sort !== 'boolean');
const noString: Sort[] = Object.keys(values).filter((sort) => sort !== 'string');
const noArray: Sort[] = Object.keys(values).filter((sort) => sort !== 'array');
const noFunction: Sort[] = Object.keys(values).filter((sort) => sort !== 'function');
const everything: Sort[] = Object.keys(values);

type Row = readonly [what: string, wrong: readonly Sort[], act: (value: never) => unknown, name?: string];

/** Options of a constructor, each refused with its own name. */
function options(what: string, build: (options: never) => unknown, wrong: Record<string, readonly Sort[]>): Row[] {
  return Object.entries(wrong).map(([path, sorts]): Row => {
    const [outer, inner] = path.split('.') as [string, string?];
    const wrap = (value: unknown) => ({ [outer]: inner === undefined ? value : { [inner]: value } });
    return [`${what} ${path}`, sorts, (value) => build(wrap(value) as never), path];
  });
}

const ofQueues: Record<string, readonly Sort[]> = {
  timeout: noDuration.filter((sort) => sort !== 'infinity').concat('zero'),
  retry: noObject,
  'retry.lost': [...noNumber, 'negative', 'fraction', 'NaN'],
  'retry.timeout': [...noNumber, 'negative', 'fraction', 'NaN'],
  'retry.error': [...noNumber, 'negative', 'fraction', 'NaN'].filter((sort) => sort !== 'function'),
  'retry.delay': noDuration.filter((sort) => sort !== 'function'),
  maxQueued: noCount,
  autoStart: noBoolean,
  workers: noArray,
};
const ofChildren: Record<string, readonly Sort[]> = {
  concurrency: noInteger,
  series: noArray,
  graceful: noDuration,
  maxTasks: noInteger,
  maxMemory: noInteger,
  env: noObject,
};
const ofPools = (name: string): Record<string, readonly Sort[]> => ({
  [name]: noInteger.filter((sort) => sort !== 'object'),
  [`${name}.min`]: noInteger.filter((sort) => sort !== 'zero'),
  [`${name}.max`]: noInteger,
  [`${name}.idleTimeout`]: noDuration.filter((sort) => sort !== 'infinity'),
});

const queue = new AsyncQueue();
const worker = new AsyncWorker();
const tracker = new PromiseTracker();
const idle = () => null;
const node = () => new TaskNode('node', nothing);
const consume = (source: never, more?: never) => new ParallelLimitedTaskConsumer({ limit: 1 }).consume(source, more);

const rows: Row[] = [
  ['TaskQueue options', noObject, (value) => new TaskQueue(value), 'options'],
  ...options('TaskQueue', (settings) => new TaskQueue(settings), ofQueues),
  ...options('AsyncQueue', (settings) => new AsyncQueue(settings), { ...ofQueues, concurrency: noCount }),
  ...options('ThreadQueue', (settings) => new ThreadQueue(settings), {
    ...ofQueues,
    ...ofPools('threads'),
    worker: noObject,
  }),
  ...options('ProcessQueue', (settings) => new ProcessQueue(settings), {
    ...ofQueues,
    ...ofPools('processes'),
    worker: noObject,
  }),
  ['AsyncQueue options', noObject, (value) => new AsyncQueue(value), 'options'],
  ['ThreadQueue options', noObject, (value) => new ThreadQueue(value), 'options'],
  ['ProcessQueue options', noObject, (value) => new ProcessQueue(value), 'options'],
  ['AsyncWorker options', noObject, (value) => new AsyncWorker(value), 'options'],
  ['ThreadWorker options', noObject, (value) => new ThreadWorker(value), 'options'],
  ['ProcessWorker options', noObject, (value) => new ProcessWorker(value), 'options'],
  ...options('AsyncWorker', (settings) => new AsyncWorker(settings), { concurrency: noCount, series: noArray }),
  ...options('ThreadWorker', (settings) => new ThreadWorker(settings), {
    ...ofChildren,
    env: noObject.filter((sort) => sort !== 'symbol'),
    argv: noArray,
    execArgv: noArray,
    resourceLimits: noObject,
    'resourceLimits.maxOldGenerationSizeMb': noInteger.filter((sort) => sort !== 'fraction'),
    name: noString,
    stdout: noBoolean,
    stderr: noBoolean,
  }),
  ...options('ProcessWorker', (settings) => new ProcessWorker(settings), {
    ...ofChildren,
    cwd: noString,
    execArgv: noArray,
    stdio: everything,
  }),
  ['concurrency of an AsyncQueue', noCount, (value) => Object.assign(queue, { concurrency: value }), 'concurrency'],
  ['resize', noInteger.filter((sort) => sort !== 'object'), (value) => new ThreadQueue().resize(value), 'threads'],

  ['call fn', noFunction, (value) => queue.call(value), 'fn'],
  ['call args', noArray, (value) => queue.call(nothing, value), 'args'],
  ['call options', noObject, (value) => queue.call(nothing, [], value), 'options'],
  ...options('call', (settings) => queue.call(nothing, [], settings), {
    niceness: [...noNumber, 'fraction', 'NaN', 'infinity', 'large'],
    on: noString,
    doNext: noBoolean,
    doLast: noBoolean,
    timeout: ofQueues.timeout as Sort[],
    retry: noObject,
    'retry.lost': ofQueues['retry.lost'] as Sort[],
    signal: everything,
    consumer: everything,
    transfer: noArray,
    weight: [...noNumber, 'negative', 'zero', 'large', 'infinity', 'NaN'],
    id: noString,
  }),
  ['submit fn', noFunction, (value) => queue.submit(value), 'fn'],
  [
    'renice',
    [...noNumber, 'fraction', 'NaN', 'infinity', 'large'],
    (value) => queue.submit(nothing).renice(value),
    'niceness',
  ],
  ['onProgress', noFunction, (value) => queue.submit(nothing).onProgress(value), 'listener'],
  ['map input', noArray.filter((sort) => sort !== 'string'), (value) => queue.map(value, nothing), 'iterable'],
  ['map fn', noFunction, (value) => queue.map([], value), 'fn'],
  ['map options', noObject, (value) => queue.map([], nothing, value), 'options'],
  ...options('map', (settings) => queue.map([], nothing, settings), {
    ordered: noBoolean,
    inFlight: noInteger,
    niceness: [...noNumber, 'fraction'],
    signal: everything,
  }),
  ['update fn', noFunction, (value) => queue.update(value), 'fn'],
  ['update args', noArray, (value) => queue.update(nothing, value), 'args'],
  ['update options', noObject, (value) => queue.update(nothing, [], value), 'options'],
  ...options('update', (settings) => queue.update(nothing, [], settings), { ephemeral: noBoolean }),
  ['attachWorker', everything, (value) => queue.attachWorker(value), 'worker'],
  ['qualifyWorker', everything, (value) => queue.qualifyWorker(value, 'a'), 'worker'],
  ['detachWorker options', noObject, (value) => queue.detachWorker(worker, value), 'options'],
  ...options('detachWorker', (settings) => queue.detachWorker(worker, settings), {
    reassign: noBoolean,
    crash: noBoolean,
    timeout: noDuration,
  }),
  ['limit', noObject.filter((sort) => sort !== 'null'), (value) => queue.limit(value), 'rule'],
  ['limitSeries', noObject.filter((sort) => sort !== 'null'), (value) => queue.limitSeries('a', value), 'rule'],
  ...options('limit', (rule) => queue.limit(rule), {
    concurrency: noCount,
    rate: noObject,
    'rate.count': noInteger,
  }),
  [
    'limit rate.interval',
    [...noDuration, 'zero'],
    (value) => queue.limitSeries('a', { rate: { count: 1, interval: value } }),
    'rate.interval',
  ],
  ['onSizeLessThan', noInteger, (value) => queue.onSizeLessThan(value), 'n'],
  ['shutdown options', noObject, (value) => queue.shutdown(value), 'options'],
  ...options('shutdown', (settings) => queue.shutdown(settings), {
    mode: everything,
    timeout: noDuration,
  }),
  ['taskModule', everything, (value) => taskModule(value), 'url'],
  ['transferable', noArray, (value) => transferable(1, value), 'list'],
  ['cancelled listener', noFunction, (value) => queue.on('done', value), 'listener'],

  ['until predicate', noFunction, (value) => until(value), 'predicate'],
  ['until options', noObject, (value) => until(nothing, value), 'options'],
  ...options('until', (settings) => until(nothing, settings), {
    interval: [...noDuration, 'zero'],
    backoff: [...noNumber, 'negative', 'zero', 'fraction', 'positive', 'infinity', 'NaN'],
    timeout: noDuration.filter((sort) => sort !== 'infinity'),
    signal: everything,
  }),
  ['put', everything, (value) => tracker.put(value), 'promise'],
  ['whenFewer', noInteger, (value) => tracker.whenFewer(value), 'n'],
  ['whenAll options', noObject, (value) => tracker.whenAll(value), 'options'],
  ...options('whenAny', (settings) => tracker.whenAny(settings), {
    timeout: noDuration.filter((sort) => sort !== 'infinity'),
    signal: everything,
  }),

  ['PollingTaskSource options', noObject, (value) => new PollingTaskSource(value), 'options'],
  ...options('PollingTaskSource', (more: object) => new PollingTaskSource({ interval: 1, produce: idle, ...more }), {
    interval: [...noDuration, 'zero'],
    produce: noFunction,
    clock: noObject,
    logger: noObject,
    signal: everything,
  }),
  [
    'start of a source',
    everything,
    (value) => new PollingTaskSource({ interval: 1, produce: idle }).start(value),
    'consumer',
  ],
  ['ParallelLimitedTaskConsumer settings', noObject, (value) => new ParallelLimitedTaskConsumer(value), 'settings'],
  ...options(
    'ParallelLimitedTaskConsumer',
    (more: object) => new ParallelLimitedTaskConsumer({ limit: 1, queue, ...more }),
    {
      limit: noCount,
      queue: everything,
      options: noObject,
      logger: noObject,
    },
  ),
  ...options(
    'ParallelLimitedTaskConsumer',
    (more: object) => new ParallelLimitedTaskConsumer({ limit: 1, queue, options: more }),
    {
      niceness: [...noNumber, 'fraction'],
      retry: noObject,
    },
  ),
  ['consume source', noArray.filter((sort) => sort !== 'string'), (value) => consume(value), 'source'],
  ['consume options', noObject, (value) => consume([] as never, value), 'options'],
  ...options('consume', (more) => consume([] as never, more), { signal: everything }),

  ['TaskNode fn', noFunction, (value) => new TaskNode('a', value), 'fn'],
  ['TaskNode options', noObject, (value) => new TaskNode('a', nothing, value), 'options'],
  ...options('TaskNode', (more) => new TaskNode('a', nothing, more), {
    args: noArray.filter((sort) => sort !== 'function'),
    cancelOnError: noBoolean,
    cancelOnResult: noFunction,
    state: everything,
    track: noBoolean.filter((sort) => sort !== 'function'),
    call: noObject,
  }),
  ...options('TaskNode call', (more) => new TaskNode('a', nothing, { call: more }), {
    niceness: [...noNumber, 'fraction'],
    retry: noObject,
  }),
  ['require', everything, (value) => node().require(value), 'node'],
  ['blocks', everything, (value) => node().blocks(value), 'node'],
  [
    'TaskGraph nodes',
    everything.filter((sort) => sort !== 'array' && sort !== 'string'),
    (value) => new TaskGraph(value),
    'nodes',
  ],
  ['TaskGraph options', noObject, (value) => new TaskGraph([], value), 'options'],
  ...options('TaskGraph', (more) => new TaskGraph([], more), { runDependents: noBoolean, queue: everything }),
  ['add', everything, (value) => new TaskGraph().add(value), 'node'],
  ...options('run', (more) => new TaskGraph().run(more), { once: noBoolean, signal: everything }),
  ['make nodes', everything.filter((sort) => sort !== 'array' && sort !== 'string'), (value) => make(value), 'nodes'],
  ['make options', noObject, (value) => make([], value), 'options'],
  ...options('make', (more) => make([], more), {
    failFast: noBoolean,
    queue: everything,
    concurrency: noCount,
    signal: everything,
  }),
  ['makeNow options', noObject, (value) => makeNow([], value), 'options'],
  ['toDot options', noObject, (value) => toDot([], value), 'options'],
  ...options('toMermaid', (more) => toMermaid([], more), {
    name: noString,
    followRequired: noBoolean,
    followDependents: noBoolean,
  }),
];

/** What `act` throws, or rejects with. */
async function refusal(act: () => unknown): Promise<unknown> {
  try {
    const outcome = act();
    if (outcome instanceof Promise) await outcome;
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('Every value that is none of what it may be is refused, with its name, itself and what is allowed', () => {
  test.each(rows.map((row) => [row[0], row] as const))('%s', async (_, [, sorts, act, name]) => {
    for (const sort of sorts) {
      for (const value of values[sort] as unknown[]) {
        const error = await refusal(() => act(value as never));
        const shown = `${sort} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`;
        expect(error, shown).toBeInstanceOf(Error);
        expect(['TypeError', 'RangeError'], `${shown}: ${String(error)}`).toContain((error as Error).name);
        expect((error as Error).message, shown).toMatch(new RegExp(`^Expected .*\`${name}.* to be .+, got .+`, 's'));
      }
    }
  });
});

test.each([
  [
    'threads of a ThreadQueue',
    () => new ThreadQueue({ threads: '2' as never }),
    '`threads` to be a number or an object',
  ],
  ['resize', () => new ThreadQueue().resize('a' as never), '`threads` to be a number or an object'],
  ['AsyncQueue.concurrency', () => new AsyncQueue({ concurrency: 0 }), 'an integer from 1 up, or Infinity'],
  ['idleTimeout', () => new ThreadQueue({ threads: { idleTimeout: 3e9 } }), 'from 0 to 2147483647, or Infinity'],
  ['timeout', () => new TaskQueue({ timeout: 0 }), 'more than 0 to 2147483647, or Infinity'],
])('What is said of a bad %s names all that is allowed', (_, act, allowed) => {
  expect(act).toThrow(allowed);
});
