import type { SpawnOptions } from 'node:child_process';
import { ProcessWorker } from 'niceq';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

/** What the worker would start its processes with. */
const started = vi.hoisted(() => [] as [execArgv: readonly string[], options: SpawnOptions][]);
vi.mock('../../../src/workers/process-channel.js', () => ({
  processes: (_: number, execArgv: readonly string[], options: SpawnOptions) => void started.push([execArgv, options]),
}));

const { execArgv } = process;
beforeEach(() => void started.splice(0));
afterEach(() => {
  process.execArgv = execArgv;
});

test.each([
  { of: [], kept: [] },
  { of: ['--max-old-space-size=100', '--import', 'tsx'], kept: ['--max-old-space-size=100', '--import', 'tsx'] },
  { of: ['-e', 'start()', '--no-warnings'], kept: ['--no-warnings'] },
  { of: ['--eval=start()', '--import', 'tsx'], kept: ['--import', 'tsx'] },
  { of: ['--inspect', '--import', 'tsx'], kept: ['--import', 'tsx'] },
  { of: ['--inspect-brk=9229', '--cpu-prof'], kept: [] },
  { of: ['--test', '--test-name-pattern', 'mine', '--no-warnings'], kept: ['--no-warnings'] },
  { of: ['--no-warnings', '--watch'], kept: ['--no-warnings'] },
])('A process inherits of $of what is not about the program: $kept', ({ of, kept }) => {
  process.execArgv = of;
  new ProcessWorker();
  expect(started).toEqual([[kept, expect.anything()]]);
});

test('A process has the options it is given instead, and a pipe more for what its parent says', () => {
  process.execArgv = ['--no-warnings'];
  const cwd = new URL('.', import.meta.url);
  new ProcessWorker({ execArgv: ['--expose-gc'], cwd, env: { A: '1' }, stdio: ['ignore', 'ignore', 'inherit'] });
  const stdio = ['ignore', 'ignore', 'inherit', 'pipe'];
  expect(started).toEqual([[['--expose-gc'], { cwd, env: { A: '1' }, stdio }]]);
});
