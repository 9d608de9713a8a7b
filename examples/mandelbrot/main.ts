import { Presets, SingleBar } from 'cli-progress';
import { AsyncQueue, ProcessQueue, type TaskQueue, ThreadQueue, taskModule } from 'niceq';
import { type Options, parseCommandLine, USAGE, UsageError } from './cli.js';
import { describe, figures } from './figures.js';
import type { View } from './fractal.js';
import { Picture } from './picture.js';

const tasks = taskModule<typeof import('./render.tasks.js')>(new URL('./render.tasks.js', import.meta.url));

// Enough work to make the way to the worker and back small, little enough to keep all workers busy to the end.
const ROWS_PER_TASK = 4;

class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

class RowsError extends Error {
  override readonly name = 'RowsError';

  constructor(from: number, to: number, cause: unknown) {
    super(`Rows ${from} to ${to - 1} failed: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function createQueue({ workers, count }: Options): TaskQueue {
  switch (workers) {
    case 'async':
      return new AsyncQueue({ concurrency: 1 });
    case 'thread':
      return new ThreadQueue({ threads: count });
    case 'process':
      return new ProcessQueue({ processes: count });
  }
}

async function render(view: View, queue: TaskQueue, picture: Picture, stop: AbortController): Promise<string> {
  const begin = performance.now();
  // Kept for the time of the queue: a worker that has to be replaced is told the view again before its first rows.
  await queue.update(tasks.show, [view]);
  const ready = performance.now();

  const handles = Array.from({ length: Math.ceil(view.height / ROWS_PER_TASK) }, (_, band) => {
    const from = band * ROWS_PER_TASK;
    const to = Math.min(from + ROWS_PER_TASK, view.height);
    const handle = queue.submit(tasks.renderRows, [from, to]);
    // The first that fails takes all others with it, wherever in the picture the loop below is waiting.
    handle.promise.catch((cause: unknown) => stop.abort(new RowsError(from, to, cause)));
    return handle;
  });

  // Draws on stderr, and only if that is a terminal.
  const options = { format: '{bar} {percentage} %, {eta} s left', hideCursor: true, clearOnComplete: true };
  const bar = new SingleBar(options, Presets.shades_classic);
  bar.start(handles.length, 0);
  try {
    for (const handle of handles) {
      picture.write(await handle.promise);
      bar.increment();
    }
  } finally {
    bar.stop();
  }
  const rendered = performance.now();
  await picture.finish(stop.signal);
  const encoded = performance.now();
  return describe(figures(handles), view.width * view.height, {
    starting: ready - begin,
    encoding: encoded - rendered,
  });
}

async function run(options: Options): Promise<void> {
  const { width, height, iterations } = options.view;
  const picture = await Picture.create(options.output, width, height);
  const queue = createQueue(options);
  const stop = new AbortController();
  stop.signal.addEventListener('abort', () => queue.shutdown({ mode: 'crash' }));
  // Once: a second Ctrl-C ends the program at once, in case the first does not get through.
  process.once('SIGINT', () => stop.abort(new InterruptedError('Interrupted')));
  try {
    const report = await render(options.view, queue, picture, stop);
    console.log(
      `${options.output}: ${width} x ${height} pixels, up to ${iterations} iterations, ${options.workers} workers`,
    );
    console.log(report);
  } catch (error) {
    await queue.shutdown({ mode: 'crash' });
    await picture.discard();
    throw stop.signal.aborted ? stop.signal.reason : error;
  }
}

try {
  const options = parseCommandLine(process.argv.slice(2));
  if (options === 'help') console.log(USAGE);
  else await run(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof UsageError) console.error(`\n${USAGE}`);
  process.exitCode = error instanceof UsageError ? 2 : error instanceof InterruptedError ? 130 : 1;
}
