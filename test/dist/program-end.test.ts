import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('./fixtures/endings.mjs', import.meta.url));

interface Ending {
  code: number | string | null | undefined;
  said: string[];
  complained: string;
}

/** Runs the program in one of its ways, to its end. */
function run(way: string): Promise<Ending> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, way], { timeout: 15_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, said: stdout.trim().split('\n'), complained: stderr });
    });
  });
}

describe('Without a shutdown a program ends by itself', () => {
  const endings: [what: string, way: string, said: string[]][] = [
    ['when all results are in, of the main thread', 'asyncQueue', ['3']],
    ['when all results are in, of threads', 'threadQueue', ['3']],
    ['when all results are in, of processes', 'processQueue', ['3']],
    ['with workers of all kinds, after an update', 'allWorkers', ['updated']],
    ['after what still runs in a thread', 'runningInThread', ['late']],
    ['after what still runs in a process', 'runningInProcess', ['late']],
    ['after what is queued and can start', 'queuedInThread', ['1', '2', '3']],
    ['after a retry that waits for its time', 'waitingForARetry', ['again']],
    ['after what waits for a rate limit', 'waitingForARate', ['1', '2']],
    ['though something is queued that nobody may serve', 'queuedForNobody', ['']],
    ['though something is queued and the queue is paused', 'paused', ['']],
    ['after a process died', 'afterLoss', ['ERR_WORKER_LOST', '3']],
    ['after an update that waited for a new thread', 'updateAfterLoss', ['ERR_WORKER_LOST', 'updated']],
    ['after a task was killed', 'afterTimeout', ['ERR_TASK_TIMEOUT']],
    ['after a crash', 'afterCrash', ['ERR_TASK_CANCELLED']],
  ];
  test.each(endings)('%s', async (_, way, said) => {
    expect(await run(way)).toEqual({ code: 0, said, complained: '' });
  });
});

test.skipIf(process.platform === 'win32')(
  'A program that has no file descriptor left is told so by the worker whose process could not be started',
  async () => {
    const descriptors = fileURLToPath(new URL('./fixtures/descriptors.mjs', import.meta.url));
    const command = `ulimit -n 200; exec "$0" "$1"`;
    const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, descriptors]);
    expect(stdout.trim().split('\n')).toEqual(['EMFILE', 'ERR_WORKER_START EMFILE', 'started']);
  },
);

test('A listener that throws, without a logger, ends a program as any uncaught error does, results delivered', async () => {
  const { code, said, complained } = await run('listenerThatThrows');
  expect([code, said]).toEqual([1, ['3']]);
  expect(complained).toContain('a faulty listener');
});
