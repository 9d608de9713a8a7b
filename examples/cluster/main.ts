import { Presets, SingleBar } from 'cli-progress';
import { TaskQueue, taskModule } from 'niceq';
import { BullWorker } from 'niceq/bullmq';
import { type Options, parseCommandLine, UsageError } from '../mandelbrot/cli.js';
import { paintRows, survey } from '../mandelbrot/fractal.js';
import { Picture } from '../mandelbrot/picture.js';
import { type Program, startRedis, startServer } from './programs.js';

const USAGE = `Usage: npm run example:cluster -- [options] [width] [re] [im] [half-height]

Renders the Mandelbrot set on two servers, kills one of them in the middle, and compares the picture with a rendering of
its own. Needs redis-server. Arguments and options are those of \`npm start -- --help\`; --count is the threads a server.
`;

const module = new URL('./render.tasks.js', import.meta.url);
const tasks = taskModule<typeof import('./render.tasks.js')>(module);

const ROWS_PER_TASK = 4;

interface Server {
  readonly name: string;
  readonly program: Program;
  rows: number;
}

async function run({ view, output, count, workers }: Options): Promise<void> {
  if (workers !== 'thread') throw new UsageError(`Expected \`--workers\` to be thread, got \`${workers}\``);
  const { width, height } = view;
  const picture = await Picture.create(output, width, height);
  const ends: (() => Promise<unknown>)[] = [];
  const stop = new AbortController();
  // Once: a second Ctrl-C ends the program at once.
  process.once('SIGINT', () => stop.abort(new Error('Interrupted')));
  try {
    const redis = await startRedis();
    ends.push(redis.end);
    const servers = await Promise.all(
      ['A', 'B'].map(async (name): Promise<Server> => {
        const program = await startServer(name, redis.url, module, count);
        ends.push(() => program.kill('SIGTERM'));
        return { name, program, rows: 0 };
      }),
    );
    const queue = new TaskQueue();
    ends.push(() => queue.shutdown({ mode: 'crash' }));
    // Not the usual five seconds: all are on one machine, so who is missing for one is dead.
    await queue.attachWorker(new BullWorker({ name: 'render', connection: redis.url, grace: 1000 }));
    await queue.update(tasks.show, [view]);
    stop.signal.addEventListener('abort', () => queue.cancelAll(stop.signal.reason));
    console.log(`${width} x ${height} pixels on servers A and B, ${count} ${count === 1 ? 'thread' : 'threads'} each`);
    const rows = await render(queue, servers, view.height, stop.signal);
    console.log(servers.map(({ name, rows }) => `server ${name} rendered ${rows} rows`).join(', '));
    if (!rows.equals(Buffer.from(paintRows(view, survey(view), 0, height)))) {
      throw new Error('The picture is not the one that this program renders by itself');
    }
    picture.write(rows);
    await picture.finish(stop.signal);
    console.log(`${output} is byte for byte what this program renders by itself`);
  } catch (error) {
    await picture.discard();
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** Renders all rows, and kills the first server when a third of them is there. */
async function render(
  queue: TaskQueue,
  servers: readonly Server[],
  height: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const [doomed] = servers as [Server, Server];
  let lost = 0;
  queue.on('retry', () => lost++);
  // Draws on stderr, and only if that is a terminal.
  const options = { format: '{bar} {percentage} %, {eta} s left', hideCursor: true, clearOnComplete: true };
  const bar = new SingleBar(options, Presets.shades_classic);
  bar.start(height, 0);
  let killed: Promise<void> | undefined;
  const bands = Array.from({ length: Math.ceil(height / ROWS_PER_TASK) }, async (_, band) => {
    const from = band * ROWS_PER_TASK;
    const to = Math.min(from + ROWS_PER_TASK, height);
    const { rows, server } = await queue.call(tasks.renderBand, [from, to], { signal });
    const by = servers.find(({ name }) => name === server) as Server;
    by.rows += to - from;
    bar.increment(to - from);
    if (3 * servers.reduce((sum, { rows }) => sum + rows, 0) >= height) killed ??= doomed.program.kill('SIGKILL');
    return rows;
  });
  try {
    const all = await Promise.all(bands);
    await killed;
    return Buffer.concat(all);
  } finally {
    bar.stop();
    if (killed !== undefined)
      console.log(`server ${doomed.name} was killed; tasks lost with it, and run again on the other one: ${lost}`);
  }
}

try {
  const options = parseCommandLine(process.argv.slice(2));
  if (options === 'help') console.log(USAGE);
  else await run(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof UsageError) console.error(`\n${USAGE}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
