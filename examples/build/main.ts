import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ThreadQueue } from 'niceq';
import { makeNow, type TaskNode, toSvg } from 'niceq/graph';
import { createBuild } from './graph.js';
import { group, line, show } from './progress.js';

const source = fileURLToPath(new URL('../../src', import.meta.url));
const output = fileURLToPath(new URL('out', import.meta.url));
const shown = (path: string) => relative(process.cwd(), path);

await rm(output, { recursive: true, force: true });
await mkdir(output, { recursive: true });

const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('Interrupted')));
await using queue = new ThreadQueue();
const build = createBuild(source, output);
const { find, strips, stripped, banner, bundle, gzip, report } = build;
const nodes = () => [find, ...strips, stripped, banner, bundle, gzip, report] as TaskNode[];

/** Draws the graph as it is now. */
async function draw(name: string): Promise<void> {
  await writeFile(join(output, `${name}.svg`), await toSvg(nodes(), { name }));
}

/** Makes the report, and returns how many nodes ran. */
async function attempt(lines: Parameters<typeof show>[0]): Promise<number> {
  const ran = new Set<TaskNode>();
  const begun = new Map(nodes().map((node) => [node, node.history.length]));
  const making = makeNow([report], { queue, signal: stop.signal });
  await show(lines);
  await making;
  for (const node of nodes()) {
    if (node.history.slice(begun.get(node) ?? 0).some(({ to }) => to === 'RUNNING')) ran.add(node);
  }
  return ran.size;
}

try {
  await draw('1-before');
  let drawing: Promise<void> | undefined;
  find.on('DONE', () => {
    for (const strip of strips) {
      strip.on('DONE', () => {
        const done = strips.filter(({ state }) => state === 'DONE').length;
        if (done * 2 >= strips.length) drawing ??= draw('2-during');
      });
    }
  });

  console.log('First attempt: the file that `banner` reads is missing.');
  const first = await attempt([
    line(find),
    group('strip', strips, stripped),
    ...[banner, bundle, gzip, report].map(line),
  ]);
  await drawing;
  await draw('3-failed');
  console.log(`${first} nodes ran; report is ${report.state}.\n`);

  await writeFile(join(output, 'banner.txt'), '// niceq, MIT licence\n');
  const failed = nodes().filter(({ state }) => state === 'FAILED');
  for (const node of failed) node.retry();
  console.log('Second attempt: the file is there now, and only what is not DONE runs.');
  const second = await attempt(failed.map(line));
  await draw('4-after');
  console.log(`${second} nodes ran; report is ${report.state}.\n`);
  console.log(await report.result);
  console.log(
    `The pictures of the graph are in ${shown(output)}: ${['before', 'during', 'failed', 'after'].map((name, i) => `${i + 1}-${name}.svg`).join(', ')}`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = stop.signal.aborted ? 130 : 1;
}
