import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const program = fileURLToPath(new URL('./fixtures/outside.mjs', import.meta.url));

interface Program {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly said: { stdout: string; stderr: string };
  /** Resolves when it has written this to stdout. */
  says(text: string): Promise<void>;
  /** Resolves when it, and everything it has started, has ended. */
  readonly end: Promise<unknown[]>;
}

/** Starts the program in one of its ways, as the leader of a process group of its own, as a shell does. */
function start(way: string): Program {
  const folder = mkdtempSync(join(tmpdir(), 'niceq-'));
  const child = spawn(process.execPath, [program, way, join(folder, 'flag')], { detached: true });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid as number), 'SIGKILL');
    rmSync(folder, { recursive: true });
  });
  const says = async (text: string) => {
    while (!said.stdout.includes(text)) await once(child.stdout, 'data');
  };
  return { child, said, says, end: once(child, 'close') };
}

test('Ctrl-C leaves it to the program what becomes of tasks in threads and processes', async () => {
  const { child, said, says, end } = start('interrupted');
  await says('running');
  process.kill(-(child.pid as number), 'SIGINT');
  expect(await end).toEqual([0, null]);
  expect(said.stdout.trim().split('\n')).toEqual(['running', 'interrupted', 'thread', 'process', '0 left']);
  expect(said.stderr).toBe('');
});

test('A process whose parent was killed ends, with its task at the latest', async () => {
  const { child, says, end } = start('killed');
  await says('running');
  child.kill('SIGKILL');
  // Its process has the same stdout, which closes only when that has ended, too.
  expect(await end).toEqual([null, 'SIGKILL']);
});

test('What tasks write to stdout and stderr can be kept from the streams of the program, and captured in a file', async () => {
  const { said, end } = start('captured');
  expect(await end).toEqual([0, null]);
  expect(said).toEqual({ stdout: 'process complains, process says\n', stderr: '' });
});

test('What tasks write to stdout and stderr arrives, of a process that is killed, too', async () => {
  const { said, end } = start('talkative');
  expect(await end).toEqual([0, null]);
  const ofProcesses = /^(?:process|dying)/;
  for (const [name, verb] of [
    ['stdout', 'says'],
    ['stderr', 'complains'],
  ] as const) {
    const lines = said[name].trimEnd().split('\n');
    const all = (who: string) => Array.from({ length: 2000 }, (_, i) => `${who} ${verb} ${i}`);
    expect(lines.filter((line) => line.startsWith('thread'))).toEqual(all('thread'));
    expect(lines.filter((line) => ofProcesses.test(line))).toEqual([...all('process'), ...all('dying')]);
  }
  expect(said.stdout).toContain('true true\n');
});
