import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { AsyncQueue, AsyncWorker, type IWorker, isNiceqError, ProcessWorker, ThreadQueue, ThreadWorker } from 'niceq';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { errorOf, makeBench, tasks } from './conformance/conformance.js';
import { openFolder, runProgram } from './programs.js';
import { hasRedis, SharedRedis } from './remote/redis.js';
import { ServedWorker } from './remote/served-worker.js';

// What users of other queues and pools have asked for most, as far as no other test shows it.

const bench = makeBench();

let redis: SharedRedis;
beforeAll(async () => {
  if (hasRedis) redis = await SharedRedis.open();
});
afterAll(async () => {
  await ServedWorker.ended();
  if (hasRedis) await redis.close();
});

const separate: [kind: string, make: () => IWorker][] = [
  ['a thread', () => new ThreadWorker({ stderr: true })],
  ['a process', () => new ProcessWorker()],
];
const kinds: [kind: string, make: () => IWorker][] = [['the main thread', () => new AsyncWorker()], ...separate];
if (hasRedis) kinds.push(['a server', () => new ServedWorker(redis)]);

/** A path where nothing is yet. */
function emptyPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'niceq-asked-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'file');
}

describe.each(kinds)('In %s', (_, make) => {
  test('progress is heard while the task goes on', async () => {
    const { gate } = bench;
    const queue = bench.queueOf([make()]);
    const handle = queue.submit(tasks.reportAndPass, [gate.port, 'half', { share: 0.5 }]);
    const progress = await new Promise((resolve) => {
      handle.onProgress(resolve);
    });
    expect([progress, handle.state]).toEqual([{ share: 0.5 }, 'running']);
    await gate.arrival('half');
    gate.open('half');
    expect(await handle.promise).toBe('half');
  });

  test('a time limit begins with the task, however long that has waited', async () => {
    const { gate } = bench;
    const [queue, clock] = [bench.queueOf([make()]), bench.queueOf([new AsyncWorker()])];
    const first = queue.submit(tasks.pass, [gate.port, 'first']);
    await gate.arrival('first');
    const limit = { timeout: 1000, retry: { timeout: 0 } };
    const waiting = queue.submit(tasks.add, [1, 2], limit);
    // Runs out of a time of the same length that begins later.
    await errorOf(clock.call(tasks.hang, [gate.port, 'clock'], limit));
    gate.open('first');
    expect([await waiting.promise, await first.promise, waiting.attempts]).toEqual([3, 'first', 1]);
  });

  test('a task that waits can be reniced', async () => {
    const { gate } = bench;
    const queue = bench.queueOf([make()]);
    await queue.call(tasks.recorded);
    const first = queue.call(tasks.pass, [gate.port, 'first']);
    await gate.arrival('first');
    const handles = ['a', 'b', 'c'].map((name) => queue.submit(tasks.record, [name]));
    handles[2]?.renice(-20);
    gate.open('first');
    await Promise.all([first, ...handles.map(({ promise }) => promise)]);
    expect(await queue.call(tasks.recorded)).toEqual(['c', 'a', 'b']);
  });

  test('a bounded queue refuses what is too much, and says when there is room', async () => {
    const { gate } = bench;
    const queue = bench.queueOf([make()], { maxQueued: 2 });
    const first = queue.call(tasks.pass, [gate.port, 'first']);
    await gate.arrival('first');
    const waiting = [1, 2].map((n) => queue.call(tasks.add, [n, n]));
    const error = await errorOf(queue.call(tasks.add, [3, 3]));
    expect(isNiceqError(error, 'ERR_QUEUE_FULL')).toBe(true);
    const room = queue.onSizeLessThan(2);
    gate.open('first');
    await room;
    expect(await Promise.all([first, ...waiting, queue.call(tasks.add, [4, 4])])).toEqual(['first', 2, 4, 8]);
  });

  test('a limit for one key holds no other up', async () => {
    const { gate } = bench;
    const queue = bench.queueOf([make(), make()]);
    queue.limitSeries('limited', { concurrency: 1 });
    const calls = ['a', 'b'].map((name) => queue.call(tasks.pass, [gate.port, name], { series: 'limited' }));
    await gate.arrival('a');
    calls.push(queue.call(tasks.pass, [gate.port, 'other'], { series: 'other' }));
    await gate.arrival('other');
    gate.open('other');
    await calls[2];
    expect(gate.hasSeen('b')).toBe(false);
    gate.isOpen = true;
    gate.open('a');
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'other']);
  });
});

describe.each(separate)('In %s', (_, make) => {
  test('what tasks have to clean up is cleaned up when it ends in order', async () => {
    const queue = bench.queueOf([make()]);
    const path = emptyPath();
    await queue.call(tasks.cleanUpAtExit, [path]);
    expect(existsSync(path)).toBe(false);
    await queue.shutdown();
    expect(existsSync(path)).toBe(true);
  });

  test('the last words of one that dies are kept', async () => {
    const queue = bench.queueOf([make()]);
    const error = await errorOf(queue.call(tasks.complainAndExit, ['its last words\n'], { retry: { lost: 0 } }));
    expect([isNiceqError(error, 'ERR_WORKER_LOST'), error.exitCode]).toEqual([true, 1]);
    expect(error.stderr).toContain('its last words');
  });
});

test('Tasks that wait for tasks of their own queue, with no place left for these, are told of, and a place more helps', async () => {
  const queue = new AsyncQueue({ concurrency: 2 });
  const stalls: unknown[] = [];
  const stalled = new Promise<void>((resolve) => {
    queue.on('stalled', (...payload) => {
      stalls.push(payload);
      resolve();
    });
  });
  const outer = ['a', 'b'].map((id) => queue.call(() => queue.call(() => `in ${id}`), [], { id }));
  await stalled;
  // Once for each that can't start.
  expect(stalls).toEqual(outer.map(() => [undefined, 'deadlock', ['a', 'b']]));
  queue.concurrency = 3;
  expect(await Promise.all(outer)).toEqual(['in a', 'in b']);
});

test('All threads of a queue can be warmed up at once', async () => {
  const { gate } = bench;
  const queue = new ThreadQueue({ threads: { min: 3, max: 3 } });
  const warm = queue.update(tasks.pass, [gate.port, 'warm'], { ephemeral: true });
  await gate.arrival('warm');
  expect(queue.workers()).toHaveLength(3);
  gate.isOpen = true;
  gate.open('warm');
  expect(await warm).toEqual(['warm', 'warm', 'warm']);
  await queue.shutdown();
});

test('A bundled program runs its tasks, if niceq and its task modules stay files of their own', async () => {
  const folder = openFolder();
  onTestFinished(() => folder.remove());
  const files = {
    'shared.ts': 'export const unit: string = "words";',
    'words.tasks.ts': `
      import { unit } from './shared.js';
      export const count = (text: string): string => text.split(' ').length + ' ' + unit;`,
    'main.ts': `
      import { ProcessQueue, ThreadQueue, taskModule } from 'niceq';
      import { unit } from './shared.js';
      const words = taskModule<typeof import('./words.tasks.js')>(new URL('./words.tasks.js', import.meta.url));
      for (const Queue of [ThreadQueue, ProcessQueue]) console.log(await new Queue().call(words.count, ['to be']), unit);`,
  };
  for (const [file, code] of Object.entries(files)) writeFileSync(join(folder.path, file), code);
  await build({
    entryPoints: ['main.ts', 'words.tasks.ts'].map((file) => join(folder.path, file)),
    outdir: join(folder.path, 'out'),
    bundle: true,
    splitting: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    external: ['niceq'],
  });
  expect(await runProgram(join(folder.path, 'out'), 'main.js')).toEqual({
    end: 0,
    stdout: '2 words words\n2 words words\n',
    stderr: '',
  });
});
