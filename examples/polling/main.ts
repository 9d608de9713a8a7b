import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isNiceqError, type Logger, ProcessQueue, ThreadQueue, taskModule, until } from 'niceq';
import { ParallelLimitedTaskConsumer } from 'niceq/source';
import { inboxSource } from './inbox.js';
import { send } from './sender.js';

const hashing = taskModule<typeof import('./hash.tasks.js')>(new URL('./hash.tasks.js', import.meta.url));
const table = taskModule<typeof import('./table.tasks.js')>(new URL('./table.tasks.js', import.meta.url));

const LIMIT = 3;

const begin = performance.now();

function say(text: string): void {
  console.log(`${((performance.now() - begin) / 1000).toFixed(2).padStart(6)} s  ${text}`);
}

/** Hashes the files that come into a directory, each in a thread, until the sender has no more. */
async function files(folder: string): Promise<void> {
  const [inbox, claimed, drafts] = ['inbox', 'claimed', 'drafts'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await Promise.all([inbox, claimed, drafts].map((path) => mkdir(path)));

  console.log(`\nA directory in which files appear, at most ${LIMIT} worked on at once, each in a thread\n`);
  await using queue = new ThreadQueue({ threads: LIMIT });
  const progress = { done: 0, failures: 0 };
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (message, error) => {
      progress.failures++;
      say(`   ${message}: ${(error as NodeJS.ErrnoException).code ?? error}`);
    },
    error: (message, error) => say(`   ${message}: ${error}`),
  };
  let running = 0;
  let most = 0;
  const source = inboxSource({
    inbox,
    claimed,
    interval: 100,
    work: async (path, name) => {
      most = Math.max(most, ++running);
      try {
        const sum = await queue.call(hashing.hash, [path]);
        progress.done++;
        say(`${name}  ${sum.slice(0, 12)}  (${running} at work)`);
        await rm(path);
      } finally {
        running--;
      }
    },
  });

  // The threads are there before the first file.
  await queue.update(hashing.hash, [fileURLToPath(import.meta.url)], { ephemeral: true });
  let isOver = false;
  const sending = send(inbox, drafts, progress, say).finally(() => {
    isOver = true;
  });
  // A failure that passes is retried by the consumer. When one lasts, or there is nothing to do, it ends: what then is
  // for the program to say. This one tries again a little later, as long as something may come.
  let runs = 0;
  await until(async () => (await readdir(inbox)).length > 0);
  for (;;) {
    const wasOver = isOver;
    const consumer = new ParallelLimitedTaskConsumer({ limit: LIMIT, logger });
    runs++;
    await consumer.consume(source);
    const left = wasOver && (await readdir(inbox)).length === 0;
    if (left) break;
    say(`-- run ${runs} ended: ${consumer.lastError === undefined ? 'nothing to do' : 'the inbox is gone'}`);
    await sleep(250);
  }
  const sent = await sending;
  console.log(`\n${progress.done} of ${sent} files hashed in ${runs} runs, at most ${most} at once`);
  if (progress.done !== sent || most > LIMIT) throw new Error('A file was lost, or there were too many at once');
}

/** Two consumers on one table, each in a process of its own. */
async function rows(folder: string): Promise<void> {
  const database = join(folder, 'jobs.db');
  const total = 80;
  console.log(
    `\nA table of ${total} rows, two consumers in processes of their own, at most ${LIMIT} rows at once each\n`,
  );
  await using queue = new ProcessQueue({ processes: 2 });
  await queue.call(table.fill, [database, total]);
  // Both processes are there before either begins.
  await queue.update(table.count, [database], { ephemeral: true });
  const names = ['A', 'B'];
  const reports = await Promise.all(names.map((name) => queue.call(table.consume, [database, name, LIMIT])));
  for (const [i, { process, rows, most }] of reports.entries()) {
    say(`consumer ${names[i]}, process ${process}: ${rows.length} rows, at most ${most} at once`);
    console.log(`          ${rows.slice(0, 16).join(' ')} ...`);
  }
  const done = await queue.call(table.count, [database]);
  const worked = reports.flatMap((report) => report.rows);
  const twice = worked.length - new Set(worked).size;
  console.log(`\n${done} of ${total} rows done, ${twice} worked on twice`);
  if (done !== total || twice > 0) throw new Error('A row was lost, or worked on twice');
}

const folder = await mkdtemp(join(tmpdir(), 'niceq-polling-'));
try {
  await files(folder);
  await rows(folder);
} catch (error) {
  if (!isNiceqError(error, 'ERR_TASK_MODULE')) throw error;
  console.log('Left out: better-sqlite3 could not be installed here. To see why:');
  console.log('npm install --prefix examples/polling/database --foreground-scripts');
  console.log(`(${error.cause instanceof Error ? error.cause.message.split('\n')[0] : error.message})`);
} finally {
  await rm(folder, { recursive: true });
}
