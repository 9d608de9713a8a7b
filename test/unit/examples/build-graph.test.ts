import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeNow, type TaskNode } from 'niceq/graph';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBuild } from '../../../examples/build/graph.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'niceq-build-'));
  await mkdir(join(folder, 'src/sub'), { recursive: true });
  await mkdir(join(folder, 'out'));
  await writeFile(join(folder, 'src/index.ts'), "import { b } from './sub/b.js';\nexport const a: number = b * 2;\n");
  await writeFile(join(folder, 'src/sub/b.ts'), 'export const b: number = 21;\n');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test('without the banner it strips everything and fails; with it only the rest runs', async () => {
  const out = join(folder, 'out');
  const { find, strips, stripped, banner, bundle, gzip, report } = createBuild(join(folder, 'src'), out);
  await makeNow([report]);
  expect(strips.map(({ name, state }) => [name, state])).toEqual([
    ['index.ts', 'DONE'],
    [join('sub', 'b.ts'), 'DONE'],
  ]);
  const after: TaskNode[] = [banner, bundle, gzip, report];
  expect(after.map(({ state }) => state)).toEqual(['FAILED', 'FAILED', 'FAILED', 'FAILED']);

  await writeFile(join(out, 'banner.txt'), '// mine\n');
  for (const node of after) node.retry();
  expect(await report.make()).toBe(true);
  const runs = (node: TaskNode) => node.history.filter(({ to }) => to === 'RUNNING').length;
  expect([find, ...strips, stripped, banner, bundle].map((node) => runs(node as TaskNode))).toEqual([1, 1, 1, 1, 2, 1]);
  expect(await readFile(join(out, 'dist/index.js'), 'utf8')).toMatch(/^\/\/ mine\n/);
  expect(await readFile(join(out, 'sizes.md'), 'utf8')).toBe(await report.result);
});
