import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('./fixtures/collected.mjs', import.meta.url));

test('What is over - tasks, updates, queues and their workers - is left to the collector', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program], { timeout: 60_000 });
  expect(stdout.trim().split('\n')).toEqual([
    'tasks of async false',
    'tasks of thread false',
    'tasks of process false',
    'updates of async',
    'updates of thread',
    'calls of an iteration',
    'iterator whose task has called',
    'saturated thread true',
    'saturated process true',
    'queues and workers',
  ]);
}, 60_000);
