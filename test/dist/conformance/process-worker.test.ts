import { tmpdir } from 'node:os';
import { serialize } from 'node:v8';
import { isNiceqError, ProcessWorker } from 'niceq';
import { describe, expect, onTestFinished, test } from 'vitest';
import { conformance, errorOf, makeBench, tasks } from './conformance.js';
import { nonsenses, separateConformance } from './separate.js';

/** A message as a process sends it. */
function framed(message: unknown): Buffer {
  const body = serialize(message);
  const head = Buffer.from('nice\0\0\0\0');
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
}

/** Tests make processes die loudly. */
const quiet = { graceful: 10_000, stdio: ['ignore', 'inherit', 'ignore'] } as const;

describe('A ProcessWorker', () => {
  conformance((options) => new ProcessWorker({ ...quiet, ...options }), {
    kind: 'process',
    home: 'process',
    loadsModules: true,
  });
  separateConformance((options) => new ProcessWorker({ ...quiet, ...options }), {
    outOfMemory: () => new ProcessWorker({ ...quiet, execArgv: ['--max-old-space-size=30'] }),
    deep: () => new ProcessWorker({ ...quiet, execArgv: ['--stack-size=4000'] }),
    shallow: () => new ProcessWorker({ ...quiet, execArgv: ['--stack-size=400'] }),
    signals: true,
  });

  const bench = makeBench();

  test('ignores SIGINT, so that its parent can shut down in order', async () => {
    const queue = bench.queueOf([new ProcessWorker(quiet)]);
    const pid = await queue.call(tasks.pid);
    await queue.call(tasks.interruptItself);
    expect(await queue.call(tasks.pid)).toBe(pid);
  });

  test('is gone when the queue has ended', async () => {
    const queue = bench.queueOf([new ProcessWorker(quiet)]);
    const pid = await queue.call(tasks.pid);
    expect(pid).not.toBe(process.pid);
    await queue.shutdown();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  test('is gone when the queue has crashed, though a task blocks it', async () => {
    const { gate } = bench;
    const queue = bench.queueOf([new ProcessWorker(quiet)]);
    const pid = await queue.call(tasks.pid);
    const blocked = queue.submit(tasks.block, [gate.port, 'a']);
    await gate.arrival('a');
    gate.open('a');
    expect(await queue.shutdown({ mode: 'crash' })).toEqual([blocked]);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  test('runs in the folder it was given', async () => {
    const queue = bench.queueOf([new ProcessWorker({ ...quiet, cwd: tmpdir() })]);
    expect(await queue.call(() => process.cwd())).toBe(tmpdir());
  });

  test('is replaced when a task writes nonsense to its channel, and only that task suffers', async () => {
    const { gate } = bench;
    const queue = bench.queueOf([
      new ProcessWorker({ ...quiet, series: [undefined] }),
      new ProcessWorker({ ...quiet, series: ['other'] }),
    ]);
    const neighbour = queue.call(tasks.pass, [gate.port, 'neighbour'], { series: 'other' });
    await gate.arrival('neighbour');
    const truncated = framed('text').subarray(0, 10);
    truncated.writeUInt32BE(2, 4);
    const garbage = [Buffer.from('{"json":1}\n'), Buffer.alloc(64), Buffer.alloc(100_000, 0xa5), truncated];
    for (const bytes of [...garbage, ...nonsenses.map(framed)]) {
      const error = await errorOf(queue.call(tasks.writeBytes, [3, bytes], { retry: { lost: 0 } }));
      expect(error).toMatchObject({ code: 'ERR_WORKER_LOST', cause: expect.any(Error) });
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    }
    gate.open('neighbour');
    expect(await neighbour).toBe('neighbour');
  });

  test('that is killed without a word has run no task more often than it may', async () => {
    const queue = bench.queueOf([new ProcessWorker(quiet)]);
    let deaths = 0;
    queue.on('workerReplaced', () => deaths++);
    const killAt = (n: number) => {
      if (n === 7) process.kill(process.pid, 'SIGKILL');
      return n;
    };
    // Its tasks are known to be short, so that the process holds several and tells of none at once.
    for (let i = 0; i < 200; i++) await queue.call(killAt, [8]);
    const handles = Array.from({ length: 30 }, (_, i) => queue.submit(killAt, [i], { retry: { lost: 1 } }));
    const outcomes = await Promise.allSettled(handles.map(({ promise }) => promise));
    expect(outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([7]);
    expect(handles[7]?.attempts).toBe(2);
    expect(deaths).toBe(2);
  });

  test('that exits in the middle of many tells which had ended and which had not begun', async () => {
    const queue = bench.queueOf([new ProcessWorker(quiet)]);
    let deaths = 0;
    queue.on('workerReplaced', () => deaths++);
    const exitAt = (n: number) => {
      if (n === 7) process.exit(3);
      return n;
    };
    for (let i = 0; i < 200; i++) await queue.call(exitAt, [8]);
    const handles = Array.from({ length: 30 }, (_, i) => queue.submit(exitAt, [i], { retry: { lost: 0 } }));
    const outcomes = await Promise.allSettled(handles.map(({ promise }) => promise));
    expect(outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([7]);
    expect(handles.map(({ attempts }) => attempts)).toEqual(handles.map(() => 1));
    expect(deaths).toBe(1);
  });

  test('is gone for its queue although a process it has started lives on', async () => {
    const queue = bench.queueOf([new ProcessWorker(quiet)]);
    const pid = await queue.call(tasks.leaveBehind);
    onTestFinished(() => void process.kill(pid, 'SIGKILL'));
    expect(await queue.call(tasks.exit, [3, 1])).toBe(2);
  });

  test('that can not be started three times in a row is not hired', async () => {
    const queue = bench.queueOf([]);
    const error = await errorOf(queue.attachWorker(new ProcessWorker({ ...quiet, cwd: '/nowhere/at/all' })));
    expect(isNiceqError(error, 'ERR_WORKER_START')).toBe(true);
    // Node itself says only that it has not found its own program.
    expect(error.message).toContain('`cwd` /nowhere/at/all');
    expect(queue.workers()).toEqual([]);
  });

  test('refuses options that are none of what they may be', () => {
    const cases: [object, string][] = [
      [{ concurrency: 0 }, 'concurrency'],
      [{ concurrency: null }, 'concurrency'],
      [{ series: new Set(['a']) }, 'series'],
      [{ graceful: Number.NaN }, 'graceful'],
      [{ maxTasks: -1 }, 'maxTasks'],
      [{ maxMemory: '1GB' }, 'maxMemory'],
      [{ env: 3 }, 'env'],
      [{ cwd: 3 }, 'cwd'],
      [{ execArgv: '--x' }, 'execArgv'],
      [{ stdio: 'pipe' }, 'stdio'],
    ];
    for (const [options, name] of cases) expect(() => new ProcessWorker(options), name).toThrow(`\`${name}\``);
  });
});
