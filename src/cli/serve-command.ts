import { serve } from '../bullmq/index.js';
import { withoutSecrets } from '../bullmq/redis-url.js';
import type { BullServer } from '../bullmq/server/server.js';
import { isNiceqError } from '../errors.js';
import { TaskQueue } from '../queue/task-queue.js';
import { ProcessWorker } from '../workers/process-worker.js';
import { ThreadWorker } from '../workers/thread-worker.js';
import type { IWorker } from '../workers/worker.js';
import { withCauses } from './causes.js';
import type { ServeCommand } from './command-line.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Ctrl-C reaches a program that npx runs twice: from the terminal, and once more from npx. What comes so soon is the same
 * signal. Milliseconds.
 */
const ECHO = 500;

/** Runs a server until it is told to end. Resolves when it has ended; throws why it can't begin or go on. */
export async function runServer(command: ServeCommand): Promise<void> {
  const { name, redis, prefix, threads, processes, concurrency, closeTimeout, modules } = command;
  await checkModules(modules, threads > 0 ? new ThreadWorker() : new ProcessWorker());
  const workers = [
    ...Array.from({ length: threads }, () => new ThreadWorker({ concurrency })),
    ...Array.from({ length: processes }, () => new ProcessWorker({ concurrency })),
  ];
  const server = await serve({
    name,
    connection: redis,
    ...(prefix !== undefined && { prefix }),
    modules,
    workers,
    logger,
  });
  const ending = nextSignal();
  const { id } = await server.stats();
  logger.info(
    `Serving \`${name}\` at ${withoutSecrets(redis)} as ${id}: ${Object.keys(modules).join(', ')} in ${threads} threads and ${processes} processes`,
  );
  const signal = await Promise.race([ending, server.closed]);
  if (signal === undefined) throw new Error('The server has no worker left that could run tasks');
  await end(server, signal, closeTimeout);
}

/** No module exports this. */
const NOTHING = '\0';

/** Loads each module once, where tasks will: one that can't be loaded would fail every call. Throws which, and why. */
async function checkModules(modules: Readonly<Record<string, string>>, worker: IWorker): Promise<void> {
  const queue = new TaskQueue();
  try {
    await queue.attachWorker(worker);
    for (const [key, url] of Object.entries(modules)) {
      const error: unknown = await queue.call({ url, name: NOTHING }).catch((reason: unknown) => reason);
      if (!isLackOfExport(error))
        throw new Error(`The module \`${key}\` can't be served${hintOf(error)}`, { cause: error });
    }
  } finally {
    await queue.shutdown({ mode: 'crash' });
  }
}

/** Whether the module was loaded. Why one was not is the cause of its error, unless its worker died of it. */
function isLackOfExport(error: unknown): boolean {
  return isNiceqError(error, 'ERR_TASK_MODULE') && error.cause === undefined;
}

function hintOf(error: unknown): string {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  return code === 'ERR_UNKNOWN_FILE_EXTENSION' ? ' by this Node: compile it, or install tsx' : '';
}

/** The first signal to end. Until it is waited for a signal ends the program at once, as nothing runs yet. */
function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, resolve);
  });
}

async function end(server: BullServer, signal: NodeJS.Signals, timeout: number | undefined): Promise<void> {
  logger.info(`${signal}: takes no more tasks, and finishes what it runs`);
  const timer = setTimeout(() => {
    // Without a listener they end the program.
    for (const each of SIGNALS) process.removeAllListeners(each);
    logger.info('Still running tasks; another signal ends it at once');
  }, ECHO);
  await server.close(timeout === undefined ? {} : { timeout });
  clearTimeout(timer);
  logger.info('Ended');
}

const say =
  (write: (line: string) => void) =>
  (message: string, ...details: unknown[]): void => {
    write(`niceq: ${[message, ...details.map(withCauses)].join(': ')}`);
  };

/** What happens is told on stdout, what goes wrong on stderr. */
const logger = { debug: () => {}, info: say(console.log), warn: say(console.error), error: say(console.error) };
