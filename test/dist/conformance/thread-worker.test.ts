import { isNiceqError, ThreadWorker } from 'niceq';
import { describe, expect, test } from 'vitest';
import { conformance, errorOf, makeBench, tasks } from './conformance.js';
import { nonsenses, separateConformance } from './separate.js';

describe('A ThreadWorker', () => {
  conformance((options) => new ThreadWorker({ graceful: 10_000, ...options }), {
    kind: 'thread',
    home: 'thread',
    loadsModules: true,
  });
  separateConformance((options) => new ThreadWorker({ graceful: 10_000, ...options }), {
    outOfMemory: () => new ThreadWorker({ resourceLimits: { maxOldGenerationSizeMb: 16 } }),
    deep: () => new ThreadWorker({ resourceLimits: { stackSizeMb: 16 } }),
    shallow: () => new ThreadWorker({ resourceLimits: { stackSizeMb: 1 } }),
    signals: false,
  });

  const bench = makeBench();

  test('passes on argv, workerData and its name', async () => {
    const queue = bench.queueOf([new ThreadWorker({ argv: ['--x', 1], workerData: new Map([[1, 2]]), name: 'named' })]);
    expect(await queue.call(() => process.argv.slice(2))).toEqual(['--x', '1']);
  });

  test('takes no more than its resource limits say', async () => {
    const worker = new ThreadWorker({ resourceLimits: { maxOldGenerationSizeMb: 16 } });
    const error = await errorOf(bench.queueOf([worker]).call(tasks.exhaustMemory, [], { retry: { lost: 0 } }));
    expect(error.cause).toMatchObject({ code: 'ERR_WORKER_OUT_OF_MEMORY' });
  });

  test('takes back exactly what it holds, however busy it is', async () => {
    const { gate } = bench;
    const queue = bench.queueOf([new ThreadWorker()]);
    for (let i = 0; i < 100; i++) await queue.call(tasks.record, [i]);
    await queue.call(tasks.recorded);
    gate.isOpen = true;
    const blocked = queue.submit(tasks.block, [gate.port, 'a']);
    await gate.arrival('a');
    const handles = Array.from({ length: 10 }, (_, i) => queue.submit(tasks.record, [i]));
    const other = queue.submit(tasks.add, [1, 2]);
    for (const handle of handles) expect(handle.cancel()).toBe(true);
    expect(queue.size).toBe(1);
    // The thread never answers, yet what it holds runs elsewhere.
    await queue.attachWorker(new ThreadWorker());
    expect(await other.promise).toBe(3);
    expect([other.workerId, blocked.state]).toEqual([2, 'running']);
    expect(await queue.call(tasks.recorded)).toEqual([]);
  });

  test('is not mistaken in what tasks say to the parent themselves', async () => {
    const queue = bench.queueOf([new ThreadWorker()]);
    expect(await queue.call(tasks.chat, [[null, 'text', [99], { niceq: [1, 0, 5, 1, 2] }, [1, 0, 5, 1, 2]]])).toBe(
      'sent',
    );
    expect(await queue.call(tasks.next)).toBe(1);
    expect(await queue.call(tasks.next)).toBe(2);
  });

  test('is replaced when a task writes nonsense to its channel, and only that task suffers', async () => {
    const { gate } = bench;
    const queue = bench.queueOf([new ThreadWorker({ series: [undefined] }), new ThreadWorker({ series: ['other'] })]);
    const neighbour = queue.call(tasks.pass, [gate.port, 'neighbour'], { series: 'other' });
    await gate.arrival('neighbour');
    for (const nonsense of nonsenses) {
      const vandalize = (message: unknown) => {
        const handles = (process as unknown as { _getActiveHandles(): object[] })._getActiveHandles();
        for (const handle of handles) (handle as { postMessage?(message: unknown): void }).postMessage?.(message);
        return new Promise<never>(() => {});
      };
      const error = await errorOf(queue.call(vandalize, [nonsense], { retry: { lost: 0 } }));
      expect(error).toMatchObject({ code: 'ERR_WORKER_LOST', cause: expect.any(TypeError) });
      expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    }
    gate.open('neighbour');
    expect(await neighbour).toBe('neighbour');
  });

  test('that can not be started three times in a row is not hired', async () => {
    const queue = bench.queueOf([]);
    const error = await errorOf(queue.attachWorker(new ThreadWorker({ execArgv: ['--max-old-space-size=64'] })));
    expect(isNiceqError(error, 'ERR_WORKER_START')).toBe(true);
    expect(error.cause).toMatchObject({ code: 'ERR_WORKER_INVALID_EXEC_ARGV' });
    expect(queue.workers()).toEqual([]);
  });

  test('refuses options that are none of what they may be', () => {
    const cases: [object, string][] = [
      [{ concurrency: 0 }, 'concurrency'],
      [{ concurrency: 1.5 }, 'concurrency'],
      [{ concurrency: '2' }, 'concurrency'],
      [{ concurrency: Number.POSITIVE_INFINITY }, 'concurrency'],
      [{ series: 'a' }, 'series'],
      [{ graceful: -1 }, 'graceful'],
      [{ graceful: '100' }, 'graceful'],
      [{ maxTasks: 0 }, 'maxTasks'],
      [{ maxMemory: Number.NaN }, 'maxMemory'],
      [{ env: 'PATH=.' }, 'env'],
      [{ argv: '--x' }, 'argv'],
      [{ execArgv: [1] }, 'execArgv'],
      [{ resourceLimits: { stackSizeMb: -1 } }, 'resourceLimits.stackSizeMb'],
      [{ name: 7 }, 'name'],
      [{ stdout: 'yes' }, 'stdout'],
      [{ stderr: 1 }, 'stderr'],
    ];
    for (const [options, name] of cases) expect(() => new ThreadWorker(options), name).toThrow(`\`${name}\``);
  });
});
