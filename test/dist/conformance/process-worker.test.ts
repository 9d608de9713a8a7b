import { tmpdir } from 'node:os';
import { isNiceqError, ProcessWorker } from 'niceq';
import { describe, expect, test } from 'vitest';
import { conformance, errorOf, makeBench, tasks } from './conformance.js';
import { separateConformance } from './separate.js';

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
    signals: true,
  });

  const bench = makeBench();

  test('keeps the end of what was written to stderr', async () => {
    const queue = bench.queueOf([new ProcessWorker()]);
    const error = await errorOf(queue.call(tasks.complainAndExit, ['its last words\n'], { retry: { lost: 0 } }));
    expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
    expect(error.stderr).toContain('its last words');
  });

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

  test('runs in the folder it was given', async () => {
    const queue = bench.queueOf([new ProcessWorker({ ...quiet, cwd: tmpdir() })]);
    expect(await queue.call(() => process.cwd())).toBe(tmpdir());
  });

  test('is not mistaken in what tasks and their parent say to each other', async () => {
    const queue = bench.queueOf([new ProcessWorker(quiet)]);
    const chatty = () => {
      process.send?.({ hello: 'parent' });
      process.send?.(null as unknown as object);
      return 'sent';
    };
    expect(await queue.call(chatty)).toBe('sent');
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
  });

  test('is replaced when a task writes nonsense to its channel', async () => {
    const queue = bench.queueOf([new ProcessWorker(quiet)]);
    for (const nonsense of [[99], [1, 'x'], 'text', [2, 0, { type: 'error' }, 1, 1], [7, { type: 'error' }]]) {
      const vandalize = (message: unknown) => {
        process.send?.({ niceq: message });
        return new Promise<never>(() => {});
      };
      const error = await errorOf(queue.call(vandalize, [nonsense], { retry: { lost: 0 } }));
      expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
    }
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
  });

  test('that can not be started three times in a row is not hired', async () => {
    const queue = bench.queueOf([]);
    const error = await errorOf(queue.attachWorker(new ProcessWorker({ ...quiet, cwd: '/nowhere/at/all' })));
    expect(isNiceqError(error, 'ERR_WORKER_START')).toBe(true);
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
