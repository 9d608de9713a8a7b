import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Presets, SingleBar } from 'cli-progress';
import { ProcessQueue, ThreadQueue } from 'niceq';
import { type Options, parseCommandLine, USAGE, UsageError } from './cli.js';
import { writeDemo } from './demo.js';
import { Rankings } from './rankings.js';
import { readLogs } from './read-logs.js';
import { describeSpeed, size, summarize } from './summary.js';

class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

async function run({ files, ignore, top, workers, count }: Options, signal: AbortSignal): Promise<void> {
  const queue = workers === 'thread' ? new ThreadQueue({ threads: count }) : new ProcessQueue({ processes: count });
  const rankings = new Rankings();
  // Draws on stderr, and only if that is a terminal.
  const format = '{bar} {percentage} % of {size}, {eta_formatted} left';
  const bar = new SingleBar({ format, hideCursor: true, clearOnComplete: true }, Presets.shades_classic);
  const begin = performance.now();
  try {
    const readings = await readLogs(queue, files, {
      ignore,
      count: (record) => rankings.add(record),
      signal,
      onStart: (bytes) => bar.start(bytes, 0, { size: size(bytes) }),
      onProgress: (bytes) => bar.increment(bytes),
    });
    bar.stop();
    console.log(summarize(readings, rankings, top));
    console.log(`\n${describeSpeed(readings, performance.now() - begin)}, with --workers ${workers} --count ${count}`);
    if (!readings.some(({ isRead }) => isRead)) process.exitCode = 1;
  } finally {
    bar.stop();
    await queue.shutdown({ mode: 'finish', timeout: 1000 });
  }
}

/** Writes the files for `use` and takes them away again. */
async function withDemo(use: (files: string[]) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'niceq-logs-'));
  try {
    await use(await writeDemo(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const stop = new AbortController();
// Once: a second Ctrl-C ends the program at once, in case the first does not get through.
process.once('SIGINT', () => stop.abort(new InterruptedError('Interrupted')));
try {
  const options = parseCommandLine(process.argv.slice(2));
  if (options === 'help') console.log(USAGE);
  else if (options.demo) await withDemo((files) => run({ ...options, files }, stop.signal));
  else await run(options, stop.signal);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof UsageError) console.error(`\n${USAGE}`);
  process.exitCode = error instanceof UsageError ? 2 : error instanceof InterruptedError ? 130 : 1;
}
